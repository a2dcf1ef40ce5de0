//! Test support shared by the test binaries: the runner of the recorded vectors, the comparison
//! of the embedded API with a real one, and the measurements beside Helm.

pub mod api_diff;
pub mod bench;
pub mod control_plane;
pub mod fake_argocd;
pub mod faults;
pub mod gitops;
pub mod platform;
pub mod vectors;
