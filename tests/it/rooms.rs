//! The import table: which room may use which. A line that breaks it stands in the wrong room.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Room, and the rooms it may import besides itself.
const TABLE: &[(&str, &[&str])] = &[
    ("disk", &[]),
    ("command", &[]),
    ("message", &[]),
    ("secret", &["disk", "command"]),
    ("sasl", &["secret"]),
    ("pop3", &["sasl", "secret"]),
    ("net", &["secret", "disk"]),
    ("deliver", &["message", "disk", "command"]),
    ("state", &["disk", "deliver", "message"]),
    (
        "config",
        &[
            "disk", "command", "secret", "sasl", "net", "pop3", "deliver", "state",
        ],
    ),
    (
        "fetch",
        &[
            "disk", "command", "message", "secret", "sasl", "pop3", "net", "deliver", "state",
            "config",
        ],
    ),
    // Of all but `fetch` only the types that an event shows.
    ("report", &["fetch", "message", "net", "state"]),
    ("cli", &["config", "fetch", "net", "report", "sasl"]),
];

#[test]
fn imports_stay_inside_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for (room, allowed) in TABLE {
        // Tests may build what their room is given.
        let files = rust_files(&src.join(room));
        for file in files.into_iter().filter(|file| {
            !file
                .components()
                .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
        }) {
            for (number, used) in imports(&fs::read_to_string(&file).unwrap()) {
                if used != *room && !allowed.contains(&used.as_str()) {
                    wrong.push(format!(
                        "{}:{number}: {room} may not use {used}",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_room_stands_in_the_table_and_says_what_it_may_import() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms: BTreeSet<String> = fs::read_dir(&src)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    let known: BTreeSet<String> = TABLE.iter().map(|(room, _)| (*room).to_owned()).collect();
    assert_eq!(rooms, known);
    for room in rooms {
        let opening = fs::read_to_string(src.join(&room).join("mod.rs")).unwrap();
        let opening: String = opening
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .collect();
        assert!(
            opening.contains("May import"),
            "{room}/mod.rs does not say what it may import"
        );
        assert!(
            opening.contains("Not for"),
            "{room}/mod.rs does not say what it is not for"
        );
    }
}

/// Line numbers and rooms named as `crate::ROOM` or in `crate::{ROOM..., ...}`, comments aside.
fn imports(source: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(source.lines()) {
        let code = line.split("//").next().unwrap_or_default();
        for (at, _) in code.match_indices("crate::") {
            // `$crate` of a macro is this crate too; a longer word that ends in `crate` is not.
            if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let path = &code[at + "crate::".len()..];
            match path.strip_prefix('{') {
                None => found.extend(word(path).map(|room| (number, room))),
                Some(group) => found.extend(heads(group).into_iter().map(|room| (number, room))),
            }
        }
    }
    found
}

fn word(path: &str) -> Option<String> {
    let word: String = path
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

/// First words of the outermost parts of `a::{b, c}, d};`.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut heads = Vec::new();
    let mut part = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(word(std::mem::take(&mut part).trim())),
            _ if depth == 0 => part.push(c),
            _ => {}
        }
    }
    heads.extend(word(part.trim()));
    heads
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn the_scanner_sees_every_form_of_import() {
    let source = "use crate::net::Stop;\nuse crate::{pop3::{Reply, Wire}, sasl};\n// crate::deliver\nlet a = crate::disk::x();\n";
    let found: Vec<String> = imports(source)
        .into_iter()
        .map(|(number, room)| format!("{number}{room}"))
        .collect();
    assert_eq!(found, ["1net", "2pop3", "2sasl", "4disk"]);
}
