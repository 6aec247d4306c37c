//! What one evaluation may cost, on the thread that it runs on.
//!
//! A unit is a byte that is made, a value that is looked at, or a few nanoseconds. An evaluation that has no more leaves by
//! unwinding, from wherever it is: an expression can catch errors, and must not catch this.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// What any evaluation may cost; it is some tens of megabytes, and some tenths of a second.
const UNITS: usize = 24 << 20;
/// What it may cost more for each byte of its record.
const UNITS_A_BYTE: usize = 32;
/// A step of the interpreter, with what it allocates for itself.
pub const STEP: usize = 256;
/// No text that an expression makes is longer, since some functions make a multiple of what they are given before they say so.
const MAX_TEXT: usize = 4 << 20;
/// No array or object holds others deeper, since whatever walks them recurses.
const MAX_DEPTH: u16 = 256;

thread_local! {
    // Operators are called with their operands alone, so that what they pay from cannot be handed to them.
    static LEFT: Cell<usize> = const { Cell::new(0) };
}

struct Spent;

/// How an evaluation ended early.
pub enum Ended {
    OutOfBudget,
    /// A panic, which is a fault of the interpreter.
    Panicked(Box<dyn Any + Send>),
}

/// Evaluates with what a record of `bytes` may cost.
pub fn within<T>(bytes: usize, evaluate: impl FnOnce() -> T) -> Result<T, Ended> {
    LEFT.set(UNITS.saturating_add(bytes.saturating_mul(UNITS_A_BYTE)));
    catch_unwind(AssertUnwindSafe(evaluate))
        .map_err(|payload| if payload.is::<Spent>() { Ended::OutOfBudget } else { Ended::Panicked(payload) })
}

pub fn pay(units: usize) {
    match LEFT.get().checked_sub(units) {
        Some(left) => LEFT.set(left),
        None => refuse(),
    }
}

/// For a text of `length` bytes.
pub fn pay_text(length: usize) {
    check_text(length);
    pay(length);
}

/// Whether a text may be that long.
pub fn check_text(length: usize) {
    if length > MAX_TEXT {
        refuse();
    }
}

/// The depth of what holds something of `depth`.
pub fn above(depth: u16) -> u16 {
    if depth >= MAX_DEPTH {
        refuse();
    }
    depth + 1
}

/// Not a panic: it runs no hook, and `within` takes it.
pub fn refuse() -> ! {
    resume_unwind(Box::new(Spent))
}
