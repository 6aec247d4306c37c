//! Crawlers: from objects to tables.
//!
//! [`survey`] lists a target's objects and has [`classify`] say what they are; [`group`] finds tables and partitions among
//! them; [`describe`] writes them as the catalog does; [`apply`] brings the catalog in line. [`run`] does this in the
//! background for every [`crawler`] that was started, as its [`role`] and on the [`lake`] as far as that may; [`store`] keeps
//! them.
//! [`own`]: classifiers that people made.

pub mod apply;
pub mod classify;
pub mod configuration;
pub mod crawler;
pub mod describe;
pub mod group;
pub mod lake;
pub mod own;
pub mod role;
pub mod run;
pub mod store;
pub mod survey;

#[cfg(test)]
mod tests;
