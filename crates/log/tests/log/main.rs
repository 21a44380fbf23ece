//! The log as its users see it, on the simulated disk.

mod damage;
mod full_disk;
mod golden;
mod readers;
mod simulation;
mod support;
mod threads;
