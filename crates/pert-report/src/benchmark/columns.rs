//! The methods of a group, before their numbers are put together.

use std::collections::BTreeMap;

use pert_metrics::Roles;

use super::aggregate::{MethodRole, ScoredRun, Scores};
use super::{FLOOR, is_floor};

/// A method of a group while it is put together.
pub(super) struct Column<'a> {
    pub name: String,
    pub role: MethodRole,
    pub scores: Vec<(&'a ScoredRun, &'a Scores)>,
}

/// The floors of a run as a method of its own: each distance at its floor, each ratio to it at 1.
pub(super) fn with_floor_row(run: &ScoredRun) -> ScoredRun {
    let mut run = run.clone();
    let mut floors: Vec<Scores> = Vec::new();
    for scores in &run.scores {
        if floors.iter().any(|floor| floor.perturbation == scores.perturbation) {
            continue;
        }
        let mut values = BTreeMap::new();
        for (name, floor) in scores.values.iter().filter(|(name, _)| is_floor(name)) {
            let distance = name.trim_end_matches("_floor");
            values.insert(distance.to_owned(), *floor);
            values.insert(format!("{distance}_ratio"), 1.0);
        }
        if !values.is_empty() {
            floors.push(Scores { method: FLOOR.to_owned(), values, ..scores.clone() });
        }
    }
    run.scores.extend(floors);
    run
}

/// The methods of a group: models, then baselines, then references. The baselines of the first model stand for those of the
/// others, unless they differ: kernels and kept genes may be a model's own.
pub(super) fn columns<'a>(runs: &[&'a ScoredRun], roles: &Roles) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    let models = distinct(runs.iter().map(|run| run.model.clone()));
    for (index, model) in models.iter().enumerate() {
        let of_model: Vec<&ScoredRun> =
            runs.iter().copied().filter(|run| run.model == *model).collect();
        let methods = distinct(of_model.iter().flat_map(|r| &r.scores).map(|s| s.method.as_str()));
        for method in methods {
            let scores: Vec<(&ScoredRun, &Scores)> = of_model
                .iter()
                .flat_map(|run| run.scores.iter().map(move |scores| (*run, scores)))
                .filter(|(_, scores)| scores.method == method)
                .collect();
            let role = match method {
                method if method == roles.model => MethodRole::Model,
                method if method == FLOOR || roles.is_reference(method) => MethodRole::Reference,
                _ => MethodRole::Baseline,
            };
            let beside = model.as_deref().unwrap_or("no model");
            let name = if role == MethodRole::Model {
                beside.to_owned()
            } else {
                match columns.iter().find(|column| column.name == method) {
                    Some(known) if index > 0 && agree(&known.scores, &scores) => continue,
                    Some(_) => format!("{method} ({beside})"),
                    None => method.to_owned(),
                }
            };
            columns.push(Column { name, role, scores });
        }
    }
    columns.sort_by_key(|column| column.role as u8); // stable
    columns
}

/// Whether two methods have the same numbers wherever both were run.
fn agree(a: &[(&ScoredRun, &Scores)], b: &[(&ScoredRun, &Scores)]) -> bool {
    fn key<'a>((run, scores): &(&'a ScoredRun, &'a Scores)) -> (&'a str, u64, &'a str) {
        (&run.fold, run.seed, &scores.perturbation)
    }
    let of_a: BTreeMap<_, _> = a.iter().map(|one| (key(one), &one.1.values)).collect();
    b.iter().all(|one| of_a.get(&key(one)).is_none_or(|values| **values == one.1.values))
}

pub(super) fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}
