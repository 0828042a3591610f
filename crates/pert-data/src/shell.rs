//! Commands as text.

/// Words as a shell reads them back: joined by spaces, quoted where they need it.
///
/// ```
/// assert_eq!(pert_data::shell_line(["pert", "inspect", "my file.h5ad"]), "pert inspect 'my file.h5ad'");
/// ```
pub fn shell_line<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./+:=@%,".contains(c);
    // zsh expands a word that begins with `=`.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_needs_it() {
        let words = ["a/b+c.h5ad", "CD14 Mono's", "", "|", "=x", "guide>=0.8"];
        assert_eq!(shell_line(words), r"a/b+c.h5ad 'CD14 Mono'\''s' '' '|' '=x' 'guide>=0.8'");
    }
}
