//! The table as bars.

use std::fmt::Write as _;

use crate::table::Cell;

const WIDTH: f64 = 640.0;
const NAMES: f64 = 90.0;
const BAR: f64 = 18.0;

/// An SVG: a group of bars for each server, each group to its own longest.
pub(crate) fn draw(cells: &[Cell]) -> String {
    let mut bars = String::new();
    let mut y = 0.0;
    for cell in cells {
        y += 24.0;
        let _ = writeln!(
            bars,
            "<text x='0' y='{y}' font-weight='bold'>{}</text>",
            cell.title
        );
        y += 8.0;
        let medians: Vec<(&str, f64)> = cell.medians().collect();
        let longest = medians
            .iter()
            .map(|(_, seconds)| *seconds)
            .fold(f64::MIN_POSITIVE, f64::max);
        for (name, seconds) in medians {
            let length = (WIDTH - NAMES - 80.0) * seconds / longest;
            let colour = if name == "popfetch" {
                "#2a6f97"
            } else {
                "#a9b4c2"
            };
            let _ = writeln!(
                bars,
                "<text x='0' y='{:.0}'>{name}</text><rect x='{NAMES}' y='{y:.0}' width='{length:.1}' height='{:.0}' \
                 fill='{colour}'/><text x='{:.1}' y='{:.0}'>{seconds:.2} s</text>",
                y + 13.0,
                BAR - 4.0,
                NAMES + length + 6.0,
                y + 13.0
            );
            y += BAR;
        }
    }
    format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {:.0}' font-family='sans-serif' font-size='13' \
         fill='#333'>\n{bars}</svg>\n",
        y + 12.0
    )
}
