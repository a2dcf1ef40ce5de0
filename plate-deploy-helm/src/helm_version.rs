//! The switch between Helm 3 and Helm 4: every layer that behaves differently asks it.

/// Which Helm's behaviour to follow where 3 and 4 differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum HelmVersion {
    /// Helm 3.22: `.Chart` is a Go struct.
    V3,
    /// Helm 4.3.
    #[default]
    V4,
}
