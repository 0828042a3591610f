//! A drug with its dose.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// A drug and, where the label says one, its dose.
///
/// Read: `Trametinib`, `Trametinib_100nM`, `Trametinib@1µM`, `Trametinib 10 uM`, `Trametinib_1000` (a number without unit
/// is in nM). A number behind a space counts only with a unit: `Tyrphostin 9` is a name. Printed with the dose in nM:
///
/// ```
/// let dosed: pert_core::DrugDose = "Trametinib 0.5 µM".parse()?;
/// assert_eq!((dosed.drug(), dosed.dose_nm()), ("Trametinib", Some(500.0)));
/// assert_eq!(dosed.to_string(), "Trametinib_500nM");
/// # Ok::<(), pert_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DrugDose {
    drug: String,
    dose_nm: Option<f64>,
}

impl DrugDose {
    /// A drug at a dose in nM.
    ///
    /// # Errors
    /// [`Error::BadDrug`] for a name that is empty, has brackets that do not match or would itself be read as a drug with a
    /// dose, and for a dose that is negative or not finite.
    pub fn new(drug: &str, dose_nm: Option<f64>) -> Result<Self, Error> {
        let bad = |reason: &str| Err(Error::BadDrug { text: drug.into(), reason: reason.into() });
        let drug = drug.trim();
        if drug.is_empty() {
            return bad("the drug has no name");
        }
        if !brackets_match(drug) {
            return bad("its brackets do not match");
        }
        match dose_nm {
            Some(dose) if !(dose.is_finite() && dose.is_sign_positive()) => {
                bad("a dose must be a number ≥ 0")
            }
            None if split_dose(drug).is_some() => bad("the end of the name reads as a dose"),
            dose_nm => Ok(Self { drug: drug.to_owned(), dose_nm }),
        }
    }

    /// The drug's name.
    pub fn drug(&self) -> &str {
        &self.drug
    }

    /// The dose in nM.
    pub fn dose_nm(&self) -> Option<f64> {
        self.dose_nm
    }
}

impl FromStr for DrugDose {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match split_dose(text.trim()) {
            None => Self::new(text, None),
            Some((drug, dose)) => {
                let out_of_range = || Error::BadDrug {
                    text: text.to_owned(),
                    reason: "its dose is larger than any number here".into(),
                };
                Self::new(drug, Some(dose.in_nm().ok_or_else(out_of_range)?))
            }
        }
    }
}

impl fmt::Display for DrugDose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.drug)?;
        match self.dose_nm {
            Some(dose) => write!(f, "_{dose}nM"),
            None => Ok(()),
        }
    }
}

/// Units of concentration with the power of ten that makes them nM. Both code points of µ are in use.
const UNITS: [(&str, i32); 13] = [
    ("pM", -3),
    ("pm", -3),
    ("nM", 0),
    ("nm", 0),
    ("NM", 0),
    ("uM", 3),
    ("um", 3),
    ("UM", 3),
    ("\u{b5}M", 3),
    ("\u{3bc}M", 3),
    ("\u{b5}m", 3),
    ("mM", 6),
    ("M", 9),
];

/// A dose as text: a number, and the power of ten of its unit.
struct DoseText<'a> {
    mantissa: &'a str,
    exponent: i32,
}

impl DoseText<'_> {
    /// The power of ten is added in decimal, so that 0.57 µM is 570 nM and not 569.999….
    fn in_nm(&self) -> Option<f64> {
        let dose: f64 = format!("{}e{}", self.mantissa, self.exponent).parse().ok()?;
        dose.is_finite().then_some(dose)
    }
}

/// The drug and the dose behind the last `_` or `@`, or behind a space where a unit follows.
fn split_dose(text: &str) -> Option<(&str, DoseText<'_>)> {
    let joined = text.rfind(['_', '@']).and_then(|at| {
        let (dose, _) = dose_text(text[at + 1..].trim())?;
        Some((text[..at].trim_end(), dose))
    });
    let spaced = || {
        let without_unit = UNITS.iter().find_map(|(unit, _)| text.strip_suffix(unit))?.trim_end();
        let at = without_unit.rfind(char::is_whitespace)?;
        let (dose, has_unit) = dose_text(text[at..].trim())?;
        has_unit.then_some((text[..at].trim_end(), dose))
    };
    joined.or_else(spaced).filter(|(drug, _)| !drug.is_empty())
}

/// `NUMBER [UNIT]`, and whether there is a unit.
fn dose_text(text: &str) -> Option<(DoseText<'_>, bool)> {
    let unit = UNITS.iter().find_map(|(unit, power)| Some((text.strip_suffix(unit)?, *power)));
    let (number, power) = unit.unwrap_or((text, 0));
    let number = number.trim_end();
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        None => (number, 0),
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            // Beyond i32 every number is 0 or too large, which i32::MAX / 2 says as well.
            let saturated = if exponent.starts_with('-') { i32::MIN / 2 } else { i32::MAX / 2 };
            (mantissa, exponent.parse().unwrap_or(saturated))
        }
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_number = whole.len() + fraction.len() > 0
        && whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit());
    let exponent = exponent.clamp(i32::MIN / 2, i32::MAX / 2) + power;
    is_number.then_some((DoseText { mantissa, exponent }, unit.is_some()))
}

fn brackets_match(name: &str) -> bool {
    let mut open = Vec::new();
    let matched = name.chars().all(|c| match c {
        '(' => {
            open.push(')');
            true
        }
        '[' => {
            open.push(']');
            true
        }
        '{' => {
            open.push('}');
            true
        }
        ')' | ']' | '}' => open.pop() == Some(c),
        _ => true,
    });
    matched && open.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> (String, Option<f64>) {
        let dosed: DrugDose = text.parse().unwrap();
        (dosed.drug().to_owned(), dosed.dose_nm())
    }

    #[test]
    fn doses_are_read_in_every_usual_spelling() {
        for (text, drug, dose) in [
            ("Trametinib_100nM", "Trametinib", Some(100.0)),
            ("Trametinib 10 uM", "Trametinib", Some(10_000.0)),
            ("Trametinib 10uM", "Trametinib", Some(10_000.0)),
            ("Trametinib@1µM", "Trametinib", Some(1000.0)),
            ("Trametinib@1\u{3bc}M", "Trametinib", Some(1000.0)),
            ("Trametinib_1000", "Trametinib", Some(1000.0)),
            ("Trametinib_0.57uM", "Trametinib", Some(570.0)),
            ("Trametinib_1e-2mM", "Trametinib", Some(10_000.0)),
            ("Trametinib_5 pM", "Trametinib", Some(0.005)),
            ("Trametinib", "Trametinib", None),
            ("Vehicle_0", "Vehicle", Some(0.0)),
        ] {
            assert_eq!(read(text), (drug.to_owned(), dose), "{text}");
        }
    }

    #[test]
    fn names_of_drugs_are_left_alone() {
        for name in [
            "(+)-JQ1",
            "SNS-314 Mesylate",
            "A-366",
            "Tyrphostin 9",
            "AG-490 (Tyrphostin B42)",
            "2-Methoxyestradiol (2-MeOE2)",
            "Cerdulatinib (PRT062070, PRT2070)",
            "Cl.Cl.c1ccc([C@@H]2C[C@H]2NC2CCNCC2)cc1",
            "PCI_34051_x",
        ] {
            assert_eq!(read(name), (name.to_owned(), None));
        }
    }

    #[test]
    fn what_is_no_drug_is_refused() {
        for text in ["", " ", "(a", "a]", "X_1e999", "X_1e99999999999"] {
            let error = text.parse::<DrugDose>().unwrap_err();
            assert!(matches!(&error, Error::BadDrug { .. }), "{text}: {error}");
        }
        assert!(DrugDose::new("X_100", None).is_err());
        assert!(DrugDose::new("X", Some(-0.0)).is_err());
        assert!(DrugDose::new("X", Some(f64::NAN)).is_err());
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(
            drug in "[A-Za-z(@][A-Za-z0-9 @_().,+-]{0,16}",
            dose in proptest::option::of(0.0..1e12f64),
        ) {
            if let Ok(dosed) = DrugDose::new(&drug, dose) {
                let printed = dosed.to_string();
                prop_assert_eq!(printed.parse::<DrugDose>().unwrap(), dosed);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            if let Ok(dosed) = text.parse::<DrugDose>() {
                prop_assert_eq!(dosed.to_string().parse::<DrugDose>().unwrap(), dosed);
            }
        }

        #[test]
        fn text_like_a_dose_is_read_or_refused(text in "[Xx_@ (0-9.eE+nuµM-]{0,20}") {
            if let Ok(dosed) = text.parse::<DrugDose>() {
                prop_assert_eq!(dosed.to_string().parse::<DrugDose>().unwrap(), dosed);
            }
        }
    }
}
