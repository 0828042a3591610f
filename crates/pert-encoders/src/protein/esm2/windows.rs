//! A protein longer than a network reads, in overlapping windows.

use std::ops::Range;

/// A stretch of a protein that is read at once, residues counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// What is read.
    pub span: Range<usize>,
    /// What is taken from it: the residues that lie nearer to its middle than to that of another window.
    pub owned: Range<usize>,
}

/// The windows of a protein of `length` residues. Windows of `longest` residues start every `longest / 2`, the last ends with the
/// protein; where two overlap, they meet in the middle of the overlap. A residue so has a quarter of a window or the
/// protein's end on each side.
pub(super) fn windows(length: usize, longest: usize) -> Vec<Window> {
    if length <= longest {
        return vec![Window { span: 0..length, owned: 0..length }];
    }
    let stride = (longest / 2).max(1);
    let last = length - longest;
    let starts: Vec<usize> = (0..last).step_by(stride).chain(std::iter::once(last)).collect();
    let meeting = |left: usize| (starts[left + 1] + starts[left] + longest) / 2;
    let owned_from = |i: usize| if i == 0 { 0 } else { meeting(i - 1) };
    let owned_to = |i: usize| if i + 1 == starts.len() { length } else { meeting(i) };
    (0..starts.len())
        .map(|i| Window { span: starts[i]..starts[i] + longest, owned: owned_from(i)..owned_to(i) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_are_those_documented() {
        assert_eq!(windows(1022, 1022), [Window { span: 0..1022, owned: 0..1022 }]);
        let found = windows(1200, 1022);
        assert_eq!(found[0], Window { span: 0..1022, owned: 0..600 });
        assert_eq!(found[1], Window { span: 178..1200, owned: 600..1200 });
        assert_eq!(windows(2044, 1022).len(), 3);
    }

    proptest! {
        #[test]
        fn every_residue_is_owned_once_and_has_context(length in 1usize..400, longest in 2usize..60) {
            let windows = windows(length, longest);
            let mut next = 0;
            for window in &windows {
                prop_assert_eq!(window.owned.start, next);
                prop_assert!(window.span.start <= window.owned.start && window.owned.end <= window.span.end);
                prop_assert!(window.span.len() <= longest && !window.owned.is_empty());
                let quarter = longest / 4;
                let left = window.owned.start - window.span.start;
                prop_assert!(window.span.start == 0 || left >= quarter);
                let right = window.span.end - window.owned.end;
                prop_assert!(window.span.end == length || right >= quarter);
                next = window.owned.end;
            }
            prop_assert_eq!(next, length);
        }
    }
}
