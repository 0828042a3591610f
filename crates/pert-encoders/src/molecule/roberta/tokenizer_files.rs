//! The tokenizer of a folder in the layout of `transformers`.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};

use super::tokenizer::Tokenizer;
use crate::pretrained::{PretrainedError, read_text};

/// Letters of a foreign value that a message shows.
const SHOWN: usize = 60;

/// Reads `tokenizer.json`, or where there is none `vocab.json` and `merges.txt`.
pub(super) fn read_tokenizer(folder: &Path) -> Result<Tokenizer, PretrainedError> {
    let path = folder.join("tokenizer.json");
    if path.exists() {
        return of_one_file(&read_text(&path)?).map_err(|reason| bad(&path, reason));
    }
    let (path, words) = (folder.join("vocab.json"), folder.join("vocab.txt"));
    if !path.exists() && words.exists() {
        let reason = "a list of words (WordPiece, SmilesTokenizer); read are byte-level pairs, in tokenizer.json or in \
                      vocab.json and merges.txt";
        return Err(bad(&words, reason.into()));
    }
    let vocabulary: HashMap<String, u32> = serde_json::from_str(&read_text(&path)?)
        .map_err(|e| bad(&path, format!("not an object of tokens and their numbers: {e}")))?;
    let special = |role: &str, default: &str| {
        let name = special_token(folder, role)?.unwrap_or_else(|| default.to_owned());
        let missing = || bad(&path, format!("the {role} {name:?} is not among its tokens"));
        vocabulary.get(&name).copied().ok_or_else(missing)
    };
    let ends = [special("cls_token", "<s>")?, special("sep_token", "</s>")?];
    let path = folder.join("merges.txt");
    let merges = text_merges(&read_text(&path)?).map_err(|reason| bad(&path, reason))?;
    Tokenizer::new(vocabulary, &merges, None, ends).map_err(|reason| bad(&path, reason))
}

pub(super) fn bad(path: &Path, reason: String) -> PretrainedError {
    PretrainedError::BadTokenizer { path: path.to_owned(), reason }
}

/// The part of a `tokenizer.json` that says which tokens there are.
#[derive(Deserialize)]
struct Model {
    vocab: HashMap<String, u32>,
    merges: Vec<Merge>,
    #[serde(default)]
    unk_token: Option<String>,
}

/// A pair, by version of `tokenizers`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Merge {
    Pair(String, String),
    Text(String),
}

/// Reads the text of a `tokenizer.json`, refusing every setting under which tokens would be others.
fn of_one_file(text: &str) -> Result<Tokenizer, String> {
    let mut file: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let none_or = |value: Value| vec![Value::Null, value];
    for (place, allowed) in [
        ("/pre_tokenizer/type", vec![json!("ByteLevel")]),
        ("/pre_tokenizer/add_prefix_space", vec![json!(false)]),
        ("/pre_tokenizer/use_regex", none_or(json!(true))),
        ("/normalizer", vec![Value::Null]),
        ("/post_processor/type", vec![json!("RobertaProcessing"), json!("BertProcessing")]),
        ("/model/type", none_or(json!("BPE"))),
        ("/model/dropout", vec![Value::Null]),
        ("/model/continuing_subword_prefix", none_or(json!(""))),
        ("/model/end_of_word_suffix", none_or(json!(""))),
        ("/model/fuse_unk", none_or(json!(false))),
        ("/model/byte_fallback", none_or(json!(false))),
        ("/model/ignore_merges", none_or(json!(false))),
    ] {
        let found = file.pointer(place).unwrap_or(&Value::Null);
        if !allowed.contains(found) {
            let expected = allowed.iter().map(Value::to_string).collect::<Vec<_>>().join(" or ");
            let found: String = found.to_string().chars().take(SHOWN).collect();
            return Err(format!("{} must be {expected}, found {found}", &place[1..]));
        }
    }
    let number = |place: &str| {
        let found = file.pointer(place).and_then(Value::as_u64);
        let number = found.and_then(|number| u32::try_from(number).ok());
        number.ok_or_else(|| format!("{} is no number of a token", &place[1..]))
    };
    let ends = [number("/post_processor/cls/1")?, number("/post_processor/sep/1")?];
    let model = file.pointer_mut("/model").map(Value::take).unwrap_or_default();
    let model: Model = serde_json::from_value(model).map_err(|e| format!("model: {e}"))?;
    let unknown = model.unk_token.map(|name| {
        let missing = || format!("model/unk_token {name:?} is not among its tokens");
        model.vocab.get(&name).copied().ok_or_else(missing)
    });
    let pair = |(i, merge): (usize, Merge)| match merge {
        Merge::Pair(a, b) => Ok((a, b)),
        Merge::Text(text) => {
            split_pair(&text).ok_or_else(|| format!("merge {}: {text:?} is no pair", i + 1))
        }
    };
    let merges = model.merges.into_iter().enumerate().map(pair).collect::<Result<Vec<_>, _>>()?;
    Tokenizer::new(model.vocab, &merges, unknown.transpose()?, ends)
}

/// The pairs of a `merges.txt`, first line first.
fn text_merges(text: &str) -> Result<Vec<(String, String)>, String> {
    let is_pair = |line: &str| !line.starts_with("#version") && !line.trim().is_empty();
    let lines = text.lines().enumerate().filter(|(_, line)| is_pair(line));
    let pair = |(i, line): (usize, &str)| {
        split_pair(line).ok_or_else(|| format!("line {}: {line:?} is no pair", i + 1))
    };
    lines.map(pair).collect()
}

fn split_pair(text: &str) -> Option<(String, String)> {
    let mut words = text.split_whitespace().map(str::to_owned);
    let pair = (words.next()?, words.next()?);
    words.next().is_none().then_some(pair)
}

/// A special token by its role, as text or as an object with text, from the files that may name it.
fn special_token(folder: &Path, role: &str) -> Result<Option<String>, PretrainedError> {
    for name in ["tokenizer_config.json", "special_tokens_map.json"] {
        let path = folder.join(name);
        if !path.exists() {
            continue;
        }
        let file: Value =
            serde_json::from_str(&read_text(&path)?).map_err(|e| bad(&path, e.to_string()))?;
        match (&file[role], &file[role]["content"]) {
            (Value::Null, _) => {}
            (Value::String(token), _) | (_, Value::String(token)) => {
                return Ok(Some(token.clone()));
            }
            _ => return Err(bad(&path, format!("its {role} is no text"))),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_texts_never_panic() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/roberta");
        let text = std::fs::read_to_string(folder.join("letters/tokenizer.json")).unwrap();
        let text = serde_json::from_str::<Value>(&text).unwrap().to_string();
        assert!(of_one_file(&text).is_ok());
        for at in 0..text.len() {
            assert!(of_one_file(&text[..at]).is_err(), "cut to {at} bytes");
            for other in ["0", "\"", "[", "}", ",", "null"] {
                let _ = of_one_file(&[&text[..at], other, &text[at + 1..]].concat());
            }
        }
        for json in ["null", "[1]", "7", "\"x\"", "{\"model\": 7}"] {
            assert!(of_one_file(json).is_err(), "{json}");
        }
        let merges = std::fs::read_to_string(folder.join("pairs/merges.txt")).unwrap();
        assert!(text_merges(&merges).unwrap().len() > 30);
        assert_eq!(text_merges("#version: 0.2\n\n# C\r\n").unwrap(), [("#".into(), "C".into())]);
    }
}
