//! What a failure does, as text.

use std::fmt::Write;

use owo_colors::OwoColorize;
use plate_deploy_core::impact::{Ability, Affected, Impact, MemberImpact, Protection};

use crate::language::Message;

/// The whole answer.
pub(crate) fn impact_text(impact: &Impact) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = write(&mut out, impact);
    out
}

fn word(ability: Ability) -> &'static str {
    match ability {
        Ability::Run => Message::AbilityRun,
        Ability::Reach => Message::AbilityReach,
        Ability::Deploy => Message::AbilityDeploy,
        Ability::AutoSync => Message::AbilityAutoSync,
        Ability::Storage => Message::AbilityStorage,
        Ability::Operators => Message::AbilityOperators,
        Ability::Heal => Message::AbilityHeal,
        Ability::Rollout => Message::AbilityRollout,
    }
    .text()
}

fn write(out: &mut String, impact: &Impact) -> std::fmt::Result {
    writeln!(out, "{}\n{}", impact.failure.bold(), impact.meaning)?;
    for (when, message) in [
        (Affected::Now, Message::AffectedNow),
        (Affected::Later, Message::AffectedLater),
        (Affected::No, Message::NotAffected),
    ] {
        let members: Vec<_> = impact.members.iter().filter(|member| member.affected == when).collect();
        let title = format!("{} ({})", message.text(), members.len());
        let title = match when {
            Affected::Now => title.red().bold().to_string(),
            Affected::Later => title.yellow().bold().to_string(),
            Affected::No => title.green().bold().to_string(),
        };
        writeln!(out, "\n{title}")?;
        if when == Affected::No {
            let names: Vec<_> = members.iter().map(|member| member.name.as_str()).collect();
            if !names.is_empty() {
                writeln!(out, "  {}", names.join(", "))?;
            }
            continue;
        }
        for member in members {
            write_member(out, member)?;
        }
    }
    simulation(out, impact)?;
    if !impact.evidence.is_empty() {
        writeln!(out, "\n{}", Message::Seen.text().bold())?;
        for evidence in &impact.evidence {
            let mark = match evidence.healthy {
                Some(true) => "✓".green().to_string(),
                Some(false) => "✗".red().to_string(),
                None => "·".dimmed().to_string(),
            };
            writeln!(out, "  {mark} {}", super::diff::printable(&evidence.fact))?;
        }
    }
    writeln!(out, "\n{}", Message::WhatToDo.text().bold())?;
    for (n, step) in impact.recovery.iter().enumerate() {
        writeln!(out, "  {}. {}", n + 1, step.what)?;
        for command in &step.commands {
            writeln!(out, "     {}", format!("$ {command}").cyan())?;
        }
    }
    writeln!(out, "\n{}", Message::WhatHelps.text().bold())?;
    for measure in &impact.prevention {
        let state = match measure.state {
            Protection::On => Message::On.text().green().to_string(),
            Protection::Off => Message::Off.text().red().to_string(),
            Protection::Unknown => Message::Unknown.text().yellow().to_string(),
        };
        writeln!(out, "  [{state}] {}: {}", measure.what, measure.how)?;
    }
    Ok(())
}

fn write_member(out: &mut String, member: &MemberImpact) -> std::fmt::Result {
    let lost: Vec<_> = member.works.iter().filter(|(_, works)| !**works).map(|(ability, _)| word(*ability)).collect();
    let kept: Vec<_> = member.works.iter().filter(|(_, works)| **works).map(|(ability, _)| word(*ability)).collect();
    write!(out, "  {}: {}", member.name.bold(), format!("✗ {}", lost.join(", ")).red())?;
    if !kept.is_empty() {
        write!(out, "; {}", format!("✓ {}", kept.join(", ")).green())?;
    }
    writeln!(out, "\n    {}", member.because.join("; ").dimmed())
}

fn simulation(out: &mut String, impact: &Impact) -> std::fmt::Result {
    if impact.measured.is_none() {
        return Ok(());
    }
    if impact.differences.is_empty() {
        return writeln!(out, "\n{}", Message::SimulationAgrees.text().green());
    }
    writeln!(out, "\n{}", Message::SimulationDiffers.text().red().bold())?;
    let state = |works: Option<bool>| match works {
        Some(true) => Message::Works.text(),
        Some(false) => Message::Stops.text(),
        None => "–",
    };
    for difference in &impact.differences {
        writeln!(
            out,
            "  {}: {}: {} {}, {} {}",
            difference.name,
            word(difference.ability),
            Message::Predicted.text(),
            state(difference.predicted),
            Message::Measured.text(),
            state(difference.measured)
        )?;
    }
    Ok(())
}
