//! A native Helm chart engine.
//!
//! Loads charts, merges values, renders Go templates with all of Sprig's and Helm's functions, and splits the result
//! into manifests, as Helm 4 does (or Helm 3, with [`value`]-level differences behind a compat switch), without running
//! a process, opening a socket or reading an environment variable.
//!
//! Modules, lowest layer first; a module names only modules above it in this list:
//! `value` → `template` → `sprig` → `chart` → `engine` → `release` → `lint`.

pub mod chart;
pub mod engine;
pub mod lint;
pub mod release;
pub mod sprig;
pub mod template;
pub mod value;

mod helm_version;
mod template_cmd;

pub use template_cmd::{Error, TemplateOptions, TemplateOutput, template, template_with};
