//! No message shows a secret, whatever is written where; and no text is too much.

use proptest::prelude::*;

use super::super::*;
use super::{paths, with};

/// A secret word in wrong and right places: as a value of any key, unquoted, unfinished, in an array, as a
/// key or table.
fn misplaced() -> impl Strategy<Value = (String, String)> {
    let secret = "[a-zA-Z0-9_#=%/ '\"\\\\-]{12,40}";
    (secret, any::<prop::sample::Index>(), 0..12u8).prop_map(|(secret, index, form)| {
        let secret = format!("S3cret{secret}");
        let name = index.get(keys()).name;
        let lines = match form {
            0 => format!("{name} = \"{secret}\""),
            1 => format!("{name} = '{secret}'"),
            2 => format!("{name} = {secret}"),
            3 => format!("{name} = \"{secret}"),
            4 => format!("{name} = [\"{secret}\", 5]"),
            5 => format!("{name} = {{ x = '{secret}' }}"),
            6 => format!("deliver = {{ {name} = '{secret}' }}"),
            7 => format!("deliver = {{ {name} = ['{secret}', '{secret}'] }}"),
            8 => format!("'{secret}' = 5"),
            9 => format!("{secret} = 5"),
            10 => format!("password = '{secret}'\n{name} = 5"),
            _ => format!(
                "password = '''{secret}'''\nport = \"{secret}\"\n[accounts.x]\n{name} = '{secret}'"
            ),
        };
        (secret, with(&lines))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_message_shows_a_secret((secret, source) in misplaced()) {
        if let Err(error) = parse(&source, &paths()) {
            let error = error.to_string();
            // Nor a part of it.
            prop_assert!(!error.contains("S3cret"), "{}\n{}", error, source);
            for part in secret.as_bytes().windows(6) {
                let part = String::from_utf8_lossy(part).into_owned();
                prop_assert!(!error.contains(&part), "{}\n{}", error, source);
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>(), lines in "[a-z_]{1,12} = [ -~]{0,30}") {
        let _ = parse(&text, &paths());
        let _ = parse(&with(&text), &paths());
        let _ = parse(&with(&lines), &paths());
    }

    #[test]
    fn any_value_is_survived(text in any::<String>(), index in any::<prop::sample::Index>()) {
        let name = index.get(keys()).name;
        let text = format!("{text:?}");
        for source in [
            with(&format!("{name} = {text}")),
            with(&format!("deliver = {{ {name} = {text} }}")),
            format!("[defaults]\n{name} = {text}"),
            format!("[accounts.{text}]\nhost = 'h'\nuser = 'u'\ndeliver.maildir = '~/%A%U'"),
        ] {
            if let Err(error) = parse(&source, &paths()) {
                prop_assert!(error.to_string().starts_with("c.toml:"));
            }
        }
    }
}
