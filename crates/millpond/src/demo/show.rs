//! What the demo shows while it works: on a terminal a bar for each step that runs, and for each that is done a line
//! that stays. Elsewhere the lines alone, without control characters.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use super::questions::Question;
use super::steps::Answer;
use super::table;

/// All steps: those that run, and the times of those that are done.
pub struct Board {
    bars: MultiProgress,
    times: RefCell<Vec<StepTime>>,
}

/// How long a step took.
#[derive(Debug, Clone, Serialize)]
pub struct StepTime {
    title: &'static str,
    seconds: f64,
}

impl Board {
    pub fn new() -> Self {
        // A target that is no terminal draws nothing, and NO_COLOR takes the colours away.
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(12));
        Self { bars, times: RefCell::default() }
    }

    /// Begins a step; `length` is the number of things to do, where it is known.
    pub fn step(&self, title: &'static str, length: Option<usize>) -> Step<'_> {
        let bar = ProgressBar::new(length.unwrap_or(0) as u64);
        let template = match length {
            Some(_) => "  {msg:<56} {bar:24.cyan/dim} {human_pos:>8} of {human_len}",
            None => "  {msg:<56} {spinner}",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the two templates are well formed"));
        let bar = self.bars.add(bar.with_message(title));
        bar.enable_steady_tick(Duration::from_millis(100));
        Step { board: self, bar, title, started: Instant::now() }
    }

    pub fn times(&self) -> Vec<StepTime> {
        self.times.borrow().clone()
    }
}

/// A step that is under way.
pub struct Step<'a> {
    board: &'a Board,
    bar: ProgressBar,
    title: &'static str,
    started: Instant,
}

impl Step<'_> {
    pub fn advance(&self, by: u64) {
        self.bar.inc(by);
    }

    pub fn reach(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Ends the step without a line of its own.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Ends the step with a line that stays.
    pub fn done(&self, what: &str) {
        self.clear();
        let (title, seconds) = (self.title, self.started.elapsed().as_secs_f64());
        self.board.bars.suspend(|| println!("  {title:<56} {seconds:>6.1} s   {what}"));
        self.board.times.borrow_mut().push(StepTime { title, seconds });
    }
}

/// A question with its SQL, its answer, and what that cost; `whole` is what the lake's flights take.
pub fn answer(number: usize, question: &Question, answer: &Answer, whole: u64) {
    println!("\n{number}. {}\n", question.title);
    question.sql.lines().for_each(|line| println!("    {line}"));
    println!("\n{}\n", table::render(answer, question.bar));
    let read = size(answer.scanned_bytes);
    let seconds = answer.millis as f64 / 1e3;
    match question.partition_filter {
        Some(filter) => {
            println!("    {seconds:.2} s, {read} read of the {} of all flights: {filter}", size(whole));
        }
        None => println!("    {seconds:.2} s, {read} read"),
    }
}

/// With thousands set apart.
pub fn count(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    indicatif::DecimalBytes(bytes).to_string()
}
