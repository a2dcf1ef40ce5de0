//! The tree of a document as written: nothing resolved yet.

use std::borrow::Cow;

/// Index of a node in its [`Document`].
pub(super) type NodeId = u32;

/// A document as written: nothing resolved yet.
pub(super) struct Document<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// The children of all collections; a node holds its range.
    pub(super) children: Vec<NodeId>,
    /// `None` for an empty stream.
    pub(super) root: Option<NodeId>,
}

/// A node.
pub(super) struct Node<'a> {
    pub(super) content: Content<'a>,
    /// The full tag (`tag:yaml.org,2002:str`), when one is written.
    pub(super) tag: Option<Box<str>>,
    /// 0-based line.
    pub(super) line: u32,
}

/// What a node holds.
pub(super) enum Content<'a> {
    /// `implicit`: the text decides the type.
    Scalar {
        text: Cow<'a, str>,
        implicit: bool,
    },
    Alias {
        name: &'a str,
        target: NodeId,
    },
    Sequence {
        first: u32,
        len: u32,
    },
    /// Keys and values in turn.
    Mapping {
        first: u32,
        len: u32,
    },
}

impl Document<'_> {
    pub(super) fn slice(&self, first: u32, len: u32) -> &[NodeId] {
        let first = first as usize;
        self.children.get(first..first + len as usize).unwrap_or_default()
    }
}
