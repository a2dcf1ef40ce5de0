//! The tokens of YAML 1.1.

use std::borrow::Cow;

/// A token and the 0-based line it starts on.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) line: u32,
}

/// What a token is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    StreamEnd,
    /// `%YAML 1.1`.
    VersionDirective(u8, u8),
    /// `%TAG handle prefix`.
    TagDirective(Box<(String, String)>),
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    /// Handle and suffix.
    Tag(Box<(String, String)>),
    Scalar {
        text: Cow<'a, str>,
        /// Not quoted and not a block scalar: its text decides its type.
        plain: bool,
    },
}
