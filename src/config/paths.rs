//! Where the configuration and the journals are, and paths as a person writes them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use directories::{BaseDirs, ProjectDirs};

use super::Error;

/// The folders of the platform (`directories`), or as the environment says.
#[derive(Debug, Clone)]
pub struct Paths {
    /// The configuration file: `--config`, `$POPFETCH_CONFIG`, else the platform's.
    pub config: PathBuf,
    /// `--config` or `$POPFETCH_CONFIG` named that file: then it must be there.
    pub named: bool,
    /// Where journals are.
    pub state: PathBuf,
    /// For `~`.
    pub home: Option<PathBuf>,
}

impl Paths {
    /// Finds them.
    ///
    /// # Errors
    /// No home directory.
    pub fn find(config: Option<&Path>) -> Result<Self, Error> {
        Self::choose(config, std::env::var_os("POPFETCH_CONFIG"))
    }

    fn choose(config: Option<&Path>, variable: Option<OsString>) -> Result<Self, Error> {
        let base = BaseDirs::new().filter(|base| base.home_dir().is_absolute());
        let (Some(base), Some(project)) = (base, ProjectDirs::from("", "", "popfetch")) else {
            return Err(Error(
                "no home directory: set HOME to an absolute path".to_owned(),
            ));
        };
        let variable = variable.filter(|value| !value.is_empty());
        let named = config
            .map(Path::to_owned)
            .or_else(|| variable.map(Into::into));
        Ok(Self {
            named: named.is_some(),
            config: named.unwrap_or_else(|| project.config_dir().join("config.toml")),
            // Only Linux and its likes have a folder for state.
            state: project
                .state_dir()
                .unwrap_or_else(|| project.data_local_dir())
                .to_owned(),
            home: Some(base.home_dir().to_owned()),
        })
    }
}

/// An absolute path as meant: `~` alone or before a slash is the home directory.
///
/// # Errors
/// Relative paths: what they mean would depend on where popfetch is started.
pub(super) fn absolute(text: &str, home: Option<&Path>) -> Result<PathBuf, String> {
    if text.contains('\0') {
        return Err("a path cannot hold NUL".to_owned());
    }
    if Path::new(text).is_absolute() {
        return Ok(PathBuf::from(text));
    }
    match text.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => match home {
            Some(home) => Ok(home.join(rest.trim_start_matches('/'))),
            None => Err("there is no home directory for ~".to_owned()),
        },
        _ => Err("expected a path that begins with / or ~/".to_owned()),
    }
}

/// Fills in `%A` (account) and `%U` (user), each as one component of a path, and `%%`.
///
/// # Errors
/// Another placeholder.
pub(super) fn fill(text: &str, account: &str, user: &str) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            filled.push(letter);
            continue;
        }
        match letters.next() {
            Some('A') => push_component(&mut filled, account),
            Some('U') => push_component(&mut filled, user),
            Some('%') => filled.push('%'),
            _ => {
                return Err(
                    "unknown placeholder (known: %A, %U, and %% for a percent sign)".to_owned(),
                );
            }
        }
    }
    Ok(filled)
}

/// Appends a name so that it neither leaves its folder, hides, nor meets another name: `/`, control
/// characters, `%`, and a dot or `~` in front become %XX.
fn push_component(path: &mut String, name: &str) {
    for (at, letter) in name.char_indices() {
        match letter {
            '/' | '%' | '\0'..='\x1f' | '\x7f' => path.push_str(&escape(letter)),
            '.' | '~' if at == 0 => path.push_str(&escape(letter)),
            _ => path.push(letter),
        }
    }
}

/// %XX for an ASCII character.
fn escape(letter: char) -> String {
    format!("%{:02X}", u32::from(letter))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_command_line_goes_before_the_environment() {
        let find = |config: Option<&str>, variable: Option<&str>| {
            Paths::choose(config.map(Path::new), variable.map(Into::into)).unwrap()
        };
        let paths = find(Some("a.toml"), Some("/b.toml"));
        assert_eq!((paths.config, paths.named), ("a.toml".into(), true));
        let paths = find(None, Some("/b.toml"));
        assert_eq!((paths.config, paths.named), ("/b.toml".into(), true));
        for variable in [None, Some("")] {
            let paths = find(None, variable);
            assert!(paths.config.ends_with("popfetch/config.toml"));
            assert!(!paths.named && paths.config.is_absolute());
            assert!(paths.state.ends_with("popfetch") && paths.state.is_absolute());
            assert!(paths.home.unwrap().is_absolute());
        }
    }

    #[test]
    fn home() {
        let no = "expected a path that begins with / or ~/";
        for (text, expected) in [
            ("/a/b", Ok("/a/b")),
            ("~", Ok("/home/me")),
            ("~/", Ok("/home/me")),
            ("~/a", Ok("/home/me/a")),
            ("~//a", Ok("/home/me/a")),
            ("~you/a", Err(no)),
            ("a/b", Err(no)),
            ("./a", Err(no)),
            ("", Err(no)),
            ("/a\0b", Err("a path cannot hold NUL")),
        ] {
            let path = absolute(text, Some(Path::new("/home/me")));
            let expected = expected.map(PathBuf::from).map_err(str::to_owned);
            assert_eq!(path, expected, "{text}");
        }
        let homeless = absolute("~/a", None).unwrap_err();
        assert_eq!(homeless, "there is no home directory for ~");
    }

    #[test]
    fn placeholders() {
        let no = "unknown placeholder (known: %A, %U, and %% for a percent sign)";
        for (text, expected) in [
            ("/m/%A/%U", Ok("/m/%2E.%2Fwork/me@pop.example.org")),
            ("/m/%%A%%", Ok("/m/%A%")),
            ("/m/.%A", Ok("/m/.%2E.%2Fwork")),
            ("/m/%AA", Ok("/m/%2E.%2FworkA")),
            ("/m/%a", Err(no)),
            ("/m/%", Err(no)),
            ("/m/%é", Err(no)),
        ] {
            let filled = fill(text, "../work", "me@pop.example.org");
            let expected = expected.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(filled, expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_name_is_one_component(name in ".+") {
            let path = PathBuf::from("/m").join(fill("%A", &name, "").unwrap());
            prop_assert_eq!(path.parent(), Some(Path::new("/m")));
            prop_assert!(path.to_str().unwrap().bytes().all(|octet| octet != 0));
        }

        #[test]
        fn two_names_are_two_paths(one in any::<String>(), other in any::<String>()) {
            let fill = |name: &str| fill("%U", "", name).unwrap();
            prop_assert_eq!(fill(&one) == fill(&other), one == other);
        }

        #[test]
        fn any_text_is_survived(text in any::<String>()) {
            let _ = absolute(&text, None);
            let _ = fill(&text, &text, &text);
        }
    }
}
