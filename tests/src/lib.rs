//! Test support shared by the test binaries: the runner of the recorded vectors.

pub mod control_plane;
pub mod platform;
pub mod vectors;
