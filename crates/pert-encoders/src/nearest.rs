//! Names that look like a name, for messages.

use std::cmp::Reverse;

/// The `k` names with the smallest edit distance (letters' case aside). Among equals a longer common start goes first,
/// for genes of a family share it, then bytewise order.
pub(crate) fn nearest_names<'a>(
    name: &str,
    candidates: impl Iterator<Item = &'a str>,
    k: usize,
) -> Vec<&'a str> {
    let name: Vec<char> = name.to_uppercase().chars().collect();
    let mut ranked: Vec<(usize, Reverse<usize>, &str)> = candidates
        .map(|candidate| {
            let upper = candidate.to_uppercase();
            let common = name.iter().zip(upper.chars()).take_while(|(a, b)| **a == *b).count();
            (edit_distance(&name, &upper), Reverse(common), candidate)
        })
        .collect();
    ranked.sort_unstable();
    ranked.into_iter().take(k).map(|ranked| ranked.2).collect()
}

/// Levenshtein distance in characters.
fn edit_distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (j, cb) in b.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], j + 1);
        for (i, &ca) in a.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != cb);
            diagonal = row[i + 1];
            row[i + 1] = substituted.min(diagonal + 1).min(row[i] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_of_known_pairs() {
        let distance = |a: &str, b: &str| edit_distance(&a.chars().collect::<Vec<_>>(), b);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn case_does_not_count() {
        assert_eq!(
            nearest_names("klf1", ["TP53", "KLF2", "KLF1"].into_iter(), 2),
            ["KLF1", "KLF2"]
        );
    }
}
