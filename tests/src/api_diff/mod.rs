//! The embedded API beside a real kube-apiserver: the same requests to both, and what differs in the answers.
//!
//! [`corpus`] sends every object that charts render, [`operations`] a seeded random sequence of requests. Both give a
//! [`Report`]. The real server is a bare kube-apiserver without controllers, so the embedded one has none either.

pub mod corpus;
pub mod known;
pub mod normalize;
pub mod objects;
pub mod operations;
pub mod report;
pub mod rng;
pub mod wire;

pub use report::{Difference, Report};
pub use wire::{Pair, Reply, Wire};
