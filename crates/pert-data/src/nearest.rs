//! Names that look like a name, for error messages.

/// The candidates, those most like `word` first (edit distance without case), joined by commas.
pub(crate) fn nearest_first(word: &str, candidates: &[String]) -> String {
    let word = word.to_lowercase();
    let mut ranked: Vec<&String> = candidates.iter().collect();
    ranked.sort_by_cached_key(|candidate| edit_distance(&word, &candidate.to_lowercase()));
    listed(ranked.into_iter().map(String::as_str))
}

/// At most this many names are listed in a message.
const LISTED: usize = 30;

/// Names joined by commas, the tail counted when there are many.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let head = names[..names.len().min(LISTED)].join(", ");
    match names.len() {
        0 => "(none)".to_owned(),
        n if n > LISTED => format!("{head} … ({} more)", n - LISTED),
        _ => head,
    }
}

/// Levenshtein distance in characters; long words are compared by their first 64.
fn edit_distance(a: &str, b: &str) -> usize {
    const COMPARED: usize = 64;
    let b: Vec<char> = b.chars().take(COMPARED).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(COMPARED).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_likeliest_name_comes_first_and_long_lists_are_cut() {
        let names = ["batch", "Perturbation", "cell_type"].map(str::to_owned);
        assert!(nearest_first("perturbtion", &names).starts_with("Perturbation, "));
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        let many: Vec<String> = (0..50).map(|i| i.to_string()).collect();
        assert!(nearest_first("7", &many).ends_with("(20 more)"));
        assert_eq!(listed([]), "(none)");
    }
}
