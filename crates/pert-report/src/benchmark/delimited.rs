//! `comparison.csv`.

use super::aggregate::{BenchmarkTable, MethodRole};
use crate::table::{exact_number, quoted};

/// In the place of a fold or seed: over all of them.
const ALL: &str = "all";

/// `comparison.csv`: one line per data set, split, fold, seed, method and metric with the median over perturbations; then, with
/// `all` as fold and seed, the median over the perturbations of all folds, as mean and standard deviation over seeds.
pub fn comparison_csv(table: &BenchmarkTable) -> String {
    let mut text = String::from("dataset,split,fold,seed,method,role,metric,n,median,sd\n");
    for group in &table.groups {
        let mut line =
            |fold: &str, seed: &str, method: usize, metric: &str, numbers: [String; 3]| {
                let method = &group.methods[method];
                let role = match method.role {
                    MethodRole::Model => "model",
                    MethodRole::Baseline => "baseline",
                    MethodRole::Reference => "reference",
                };
                let start = [&group.dataset, &group.split, fold, seed, &method.name, role, metric];
                let start: Vec<_> = start.iter().map(|field| quoted(field)).collect();
                text.push_str(&format!("{},{}\n", start.join(","), numbers.join(",")));
            };
        for one in &group.by_run {
            let numbers = [one.n.to_string(), exact_number(one.median), String::new()];
            line(&one.fold, &one.seed.to_string(), one.method, one.metric, numbers);
        }
        for (index, method) in group.methods.iter().enumerate() {
            for (metric, over) in &method.metrics {
                let sd = over.sd.map_or(String::new(), exact_number);
                let numbers = [over.n.to_string(), exact_number(over.value), sd];
                line(ALL, ALL, index, metric, numbers);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::aggregate::fixture::runs;
    use super::*;
    use pert_metrics::Roles;

    #[test]
    fn every_run_and_the_whole_have_lines() {
        let csv = comparison_csv(&BenchmarkTable::new(&runs(), &Roles::default()));
        assert!(
            csv.contains("\nnorman,sorted-2,sorted-2:1,0,ridge,baseline,e_distance,4,0.25,\n"),
            "{csv}"
        );
        assert!(
            csv.contains("\nnorman,sorted-2,all,all,ridge,baseline,e_distance,8,0.25,0.0\n"),
            "{csv}"
        );
        assert!(
            csv.contains("\nnorman,sorted-2,all,all,floor,reference,fid_latent,8,1.5,0.0\n"),
            "{csv}"
        );
        let fields: Vec<usize> = csv.lines().map(|line| line.split(',').count()).collect();
        assert!(fields.iter().all(|n| *n == 10));
    }
}
