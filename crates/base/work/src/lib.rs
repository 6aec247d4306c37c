//! Background work: workers that pass, wake, back off and stop.
