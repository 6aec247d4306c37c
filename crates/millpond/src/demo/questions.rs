//! The five questions that the demo asks in SQL.

/// A question to the lake and how its answer is shown.
pub struct Question {
    /// For programs.
    pub name: &'static str,
    pub title: &'static str,
    pub sql: &'static str,
    /// The column that a bar is drawn for.
    pub bar: Option<&'static str>,
    /// What of the query rules partitions out; the demo then shows how little was read.
    pub partition_filter: Option<&'static str>,
}

pub const QUESTIONS: [Question; 5] = [
    Question {
        name: "fog",
        title: "Which carriers lose most time in fog?",
        sql: "\
WITH seen AS (
  SELECT f.carrier, f.dep_delay, w.visib < 1 AS fog
  FROM flights f
  JOIN weather w ON w.origin = f.origin AND w.month = CAST(f.month AS bigint)
                AND w.day = CAST(f.day AS bigint) AND w.hour = f.hour
  WHERE f.dep_delay IS NOT NULL
)
SELECT a.name AS carrier,
       sum(CASE WHEN s.fog THEN 1 ELSE 0 END) AS flights_in_fog,
       round(avg(CASE WHEN s.fog THEN s.dep_delay END), 1) AS minutes_late_in_fog,
       round(avg(CASE WHEN NOT s.fog THEN s.dep_delay END), 1) AS minutes_late_else,
       round(avg(CASE WHEN s.fog THEN s.dep_delay END) - avg(CASE WHEN NOT s.fog THEN s.dep_delay END), 1) AS lost
FROM seen s JOIN airlines a ON a.carrier = s.carrier
GROUP BY a.name
HAVING sum(CASE WHEN s.fog THEN 1 ELSE 0 END) >= 30
ORDER BY lost DESC LIMIT 6",
        bar: Some("lost"),
        partition_filter: None,
    },
    Question {
        name: "day",
        title: "How does the delay build up over the day?",
        sql: "\
SELECT hour, count(*) AS flights, round(avg(dep_delay), 1) AS minutes_late
FROM flights
WHERE dep_delay IS NOT NULL
GROUP BY hour ORDER BY hour",
        bar: Some("minutes_late"),
        partition_filter: None,
    },
    Question {
        name: "miles",
        title: "Which plane flew most miles?",
        sql: "\
SELECT f.tailnum, p.manufacturer, p.model, count(*) AS flights, sum(f.distance) AS miles
FROM flights f JOIN planes p ON p.tailnum = f.tailnum
WHERE f.air_time IS NOT NULL
GROUP BY f.tailnum, p.manufacturer, p.model
ORDER BY miles DESC LIMIT 5",
        bar: Some("miles"),
        partition_filter: None,
    },
    Question {
        name: "blizzard",
        title: "What did the blizzard of February 8 do to the timetable?",
        sql: "\
SELECT day, count(*) AS planned, count(*) - count(dep_time) AS cancelled,
       round(100.0 * (count(*) - count(dep_time)) / count(*), 1) AS percent
FROM flights
WHERE year = '2013' AND month = '02' AND day IN ('07', '08', '09', '10')
GROUP BY day ORDER BY day",
        bar: Some("percent"),
        partition_filter: Some("the WHERE clause names four days, and no other day is opened"),
    },
    Question {
        name: "destinations",
        title: "From each airport, which destinations are reached latest?",
        sql: "\
WITH late AS (
  SELECT origin, dest, count(*) AS flights, avg(arr_delay) AS minutes
  FROM flights WHERE arr_delay IS NOT NULL
  GROUP BY origin, dest HAVING count(*) >= 100
), ranked AS (
  SELECT origin, dest, flights, minutes,
         row_number() OVER (PARTITION BY origin ORDER BY minutes DESC) AS place
  FROM late
)
SELECT r.origin, r.place, p.name AS destination, r.flights, round(r.minutes, 1) AS minutes_late
FROM ranked r LEFT JOIN airports p ON p.faa = r.dest
WHERE r.place <= 3
ORDER BY r.origin, r.place",
        bar: Some("minutes_late"),
        partition_filter: None,
    },
];
