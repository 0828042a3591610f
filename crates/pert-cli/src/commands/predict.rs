//! `pert predict`.

use pert_prior::Progress;
use pert_prior::data::{Provenance, write_h5ad};
use pert_prior::pipeline::{DeviceChoice, Model, Request, parse_at, read_requests};

use crate::args::PredictArgs;
use crate::failure::in_file;
use crate::output_file::check_output_file;
use crate::progress::Reporter;

/// Remarks on single perturbations that are told: a hundred of them hide what else is said.
const REMARKS: usize = 10;

pub fn run(args: &PredictArgs, reporter: &mut Reporter) -> anyhow::Result<()> {
    check_output_file(&args.output, &["h5ad"])?;
    let device = args.device.parse::<DeviceChoice>()?.open()?;
    let model = Model::load(&args.model, &device)?;
    let at = args.at.iter().map(|a| parse_at(a)).collect::<Result<Vec<_>, _>>()?;
    let n_cells = args.cells as usize;
    let requests: Vec<Request> = match &args.perturbations {
        Some(path) => read_requests(path, model.label_format(), n_cells, &at)?,
        None => args
            .perturbation
            .iter()
            .map(|label| {
                let perturbation = model.perturbation(label)?;
                Ok(Request { perturbation, n_cells, at: at.clone() })
            })
            .collect::<Result<_, pert_prior::Error>>()?,
    };
    let population = model.predict_requests(&requests, args.seed, reporter).map_err(|error| {
        match &args.perturbations {
            Some(table) => in_file(table, error),
            None => error.into(),
        }
    })?;
    let remarks: Vec<String> =
        requests.iter().filter_map(|request| model.remark(&request.perturbation)).collect();
    remarks.iter().take(REMARKS).for_each(|remark| reporter.note(remark));
    if remarks.len() > REMARKS {
        reporter.note(&format!("and {} more perturbations likewise", remarks.len() - REMARKS));
    }
    write_h5ad(&args.output, &population, &provenance(&model, args.seed))?;
    reporter.note(&format!(
        "wrote {} cells of {} perturbations to {}",
        population.n_cells(),
        requests.len(),
        args.output.display()
    ));
    Ok(())
}

/// What generated cells say about where they come from.
fn provenance(model: &Model, seed: u64) -> Provenance {
    let fitted = model.provenance();
    Provenance {
        model: format!("pert-prior {} fitted on {}", fitted.version, fitted.data),
        seed,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        generated: true,
    }
}
