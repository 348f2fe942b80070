//! A progress bar for each account at work.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::lines::clean;
use super::quantity::{approximately, count, octets};
use crate::fetch::event::Event;

/// The bars there are, by account.
#[derive(Debug, Default)]
pub(crate) struct Bars {
    tracks: HashMap<String, Track>,
}

#[derive(Debug)]
struct Track {
    bar: ProgressBar,
    /// Messages planned, and dealt with.
    messages: u64,
    done: u64,
    /// The bar counts octets; else, where LIST gives no sizes, messages.
    by_octets: bool,
}

/// How often a bar is drawn anew although nothing happened.
const TICK: Duration = Duration::from_millis(200);

impl Bars {
    /// Follows what happens. `name_columns`: room for the longest name; `columns`: the terminal's.
    pub(crate) fn event(
        &mut self,
        screen: &MultiProgress,
        account: &str,
        event: &Event<'_>,
        name_columns: usize,
        columns: usize,
    ) {
        if let Event::Started { host, .. } = event {
            let bar = screen.add(ProgressBar::new_spinner().with_style(style(WAITING)));
            let name = clean(account);
            bar.set_prefix(format!("{name:<name_columns$}"));
            bar.set_message(format!("connecting to {}", clean(host)));
            bar.enable_steady_tick(TICK);
            let track = Track {
                bar,
                messages: 0,
                done: 0,
                by_octets: false,
            };
            if let Some(old) = self.tracks.insert(account.to_owned(), track) {
                remove(screen, &old.bar);
            }
            return;
        }
        let Some(track) = self.tracks.get_mut(account) else {
            return;
        };
        match event {
            Event::Connected(_) => track.bar.set_message("logging in"),
            Event::LoggedIn(_) => track.bar.set_message("listing"),
            Event::Planned {
                messages: 0,
                delete: 1..,
                ..
            } => track.bar.set_message("deleting"),
            Event::Planned {
                messages: messages @ 1..,
                octets,
                ..
            } => {
                track.messages = *messages;
                track.by_octets = *octets > 0;
                track.say();
                let wide = columns >= name_columns + WIDE;
                track.bar.set_style(style(match track.by_octets {
                    _ if !wide => NARROW,
                    true => OCTETS,
                    false => MESSAGES,
                }));
                track
                    .bar
                    .set_length(if track.by_octets { *octets } else { *messages });
                track.bar.reset_elapsed();
                track.bar.reset_eta();
            }
            Event::Octets(octets) if track.by_octets => track.bar.inc(*octets),
            Event::Delivered(_) | Event::Dropped(_) | Event::MessageFailed(..) => {
                track.done += 1;
                if track.messages > 0 && !track.by_octets {
                    track.bar.inc(1);
                }
                track.say();
            }
            // Rows are progress enough, and a bar beneath each would only flicker.
            Event::Listed { .. } | Event::Remembered { .. } | Event::Finished(_) => {
                remove(screen, &track.bar);
                self.tracks.remove(account);
            }
            _ => {}
        }
    }

    /// Takes all bars away.
    pub(crate) fn end(&mut self, screen: &MultiProgress) {
        for (_, track) in self.tracks.drain() {
            remove(screen, &track.bar);
        }
    }
}

impl Track {
    fn say(&self) {
        if self.messages > 0 {
            let (done, messages) = (count(self.done), count(self.messages));
            self.bar.set_message(format!("{done}/{messages}"));
        }
    }
}

fn remove(screen: &MultiProgress, bar: &ProgressBar) {
    bar.finish_and_clear();
    screen.remove(bar);
}

/// Columns that the wide forms need beside the name, so that something is left for the bar.
const WIDE: usize = 66;

const WAITING: &str = "{prefix}  {spinner} {wide_msg}";
const OCTETS: &str = "{prefix}  [{wide_bar}] {msg:>11}  {octets:>17}  {rate:>10}  {left}";
const MESSAGES: &str = "{prefix}  [{wide_bar}] {msg:>11}  {left}";
const NARROW: &str = "{prefix}  {percent:>3}%  {wide_msg}  {left}";

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("octets", |state: &ProgressState, text: &mut dyn Write| {
            let (done, all) = (octets(state.pos()), octets(state.len().unwrap_or(0)));
            let _ = write!(text, "{done}/{all}");
        })
        .with_key("rate", |state: &ProgressState, text: &mut dyn Write| {
            // Rounded; a float's `as` is saturating.
            let _ = write!(text, "{}/s", octets(state.per_sec().round() as u64));
        })
        .with_key("left", |state: &ProgressState, text: &mut dyn Write| {
            let left = match state.per_sec() > 0.0 {
                true => approximately(state.eta()),
                false => "-".to_owned(),
            };
            let _ = write!(text, "{left:>6} left");
        })
        .progress_chars("=> ")
        .tick_chars("|/-\\ ")
}
