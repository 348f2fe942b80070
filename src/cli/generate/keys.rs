//! popfetch.toml(5): keys from the catalogue that the parser reads, the rest by hand.

use clap_mangen::roff::{Roff, bold, italic, roman};

use super::manual::{marked, title};
use crate::config::{Table, keys};

const BEFORE: &str = include_str!("toml-before.roff");
const AFTER: &str = include_str!("toml-after.roff");

/// The page.
pub(super) fn page() -> String {
    let mut page = title("POPFETCH.TOML", "5", "File Formats");
    page.push_str(BEFORE);
    for (table, heading, text) in [
        (
            Table::Account,
            "ACCOUNT KEYS",
            "In `[accounts.NAME]`, and in `[defaults]` for all accounts that do not say otherwise.",
        ),
        (
            Table::Deliver,
            "DELIVER KEYS",
            "In the table `deliver`, which holds exactly one of `maildir`, `mbox` and `mda`.",
        ),
        (
            Table::Defaults,
            "KEYS OF DEFAULTS ALONE",
            "In `[defaults]`, for the whole of a run.",
        ),
    ] {
        let mut roff = Roff::default();
        roff.control("SH", [heading]);
        roff.text(marked(text));
        for key in keys().iter().filter(|key| key.table == table) {
            roff.control("TP", []);
            roff.text([bold(key.name), roman(" = "), italic(key.form)]);
            roff.text(marked(key.text));
            if let Some(default) = key.default {
                roff.control("br", []);
                roff.text([roman(format!("Default: {default}."))]);
            }
            roff.control("br", []);
            roff.text([
                roman("Example: "),
                bold(format!("{} = {}", key.name, key.example)),
            ]);
        }
        page.push_str(&roff.to_roff());
    }
    page.push_str(AFTER);
    page
}
