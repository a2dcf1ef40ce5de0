//! Test support shared by the test binaries: the runner of the recorded vectors, and the measurements beside Helm.

pub mod bench;
pub mod control_plane;
pub mod fake_argocd;
pub mod faults;
pub mod gitops;
pub mod platform;
pub mod vectors;
