//! Every promise in SECURITY.md names a test that is there.

use std::fs;
use std::path::Path;

#[test]
fn the_tests_that_security_md_names_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rows = text
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| promise"));
    let (mut tests, mut targets) = (0, 0);
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let held = cells[2];
        // The odd pieces stand between backquotes.
        let words: Vec<&str> = held.split('`').skip(1).step_by(2).collect();
        let mut file = None;
        for word in words {
            let (path, test) = match word.split_once("::") {
                Some((name, test)) => (root.join(format!("tests/it/{name}.rs")), test),
                None if word.starts_with("src/") => {
                    file = Some(root.join(word));
                    tests += 1;
                    assert!(root.join(word).exists(), "{word}");
                    continue;
                }
                None => match &file {
                    Some(file) => (file.clone(), word),
                    None => {
                        targets += 1;
                        assert!(
                            root.join(format!("fuzz/targets/{word}.rs")).exists(),
                            "{word}"
                        );
                        continue;
                    }
                },
            };
            tests += 1;
            let source = fs::read_to_string(&path)
                .unwrap_or_else(|_| panic!("{word}: no {}", path.display()));
            assert!(
                test == "*" || source.contains(&format!("fn {test}(")),
                "{word} does not exist"
            );
        }
    }
    assert!(
        tests > 50 && targets > 5,
        "{tests} tests, {targets} targets"
    );
}
