//! `completions` and `man`: made from the arguments themselves.

use std::path::Path;

use clap::{Command, CommandFactory};

use super::{Outcome, diff};
use crate::args::{Cli, Completions, Man};
use crate::command_error::CommandError;
use crate::output;

/// Prints completions for a shell.
pub(crate) fn completions(args: Completions) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "plate-deploy", &mut text);
    output::raw(&String::from_utf8_lossy(&text))?;
    Ok(0)
}

/// Prints the manual page, or writes one for each verb.
pub(crate) fn man(args: Man) -> Outcome {
    let mut command = Cli::command();
    command.build();
    match args.out {
        None => output::raw(&page(&command)?)?,
        Some(folder) => {
            std::fs::create_dir_all(&folder).map_err(|e| CommandError::failed(format!("{}: {e}", folder.display())))?;
            write_all(&command, "plate-deploy", &folder)?;
        }
    }
    Ok(0)
}

/// Pages of a command and of those below it; two levels are all there are.
fn write_all(command: &Command, name: &str, folder: &Path) -> Result<(), CommandError> {
    let mut todo = vec![(command, name.to_owned())];
    while let Some((command, name)) = todo.pop() {
        diff::write(&folder.join(format!("{name}.1")), &page(&command.clone().name(name.clone()))?)?;
        let below = command.get_subcommands().filter(|c| c.get_name() != "help");
        todo.extend(below.map(|c| (c, format!("{name}-{}", c.get_name()))));
    }
    Ok(())
}

fn page(command: &Command) -> Result<String, CommandError> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text).map_err(CommandError::failed)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
