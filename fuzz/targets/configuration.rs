//! Any text as a configuration: an account or an error with a place, and never a line that holds a secret.
#![no_main]

use libfuzzer_sys::fuzz_target;
use popfetch::config::{self, Paths};

fuzz_target!(|text: &str| {
    let paths = Paths {
        config: "/nowhere/config.toml".into(),
        named: true,
        state: "/nowhere/state".into(),
        home: Some("/nowhere".into()),
    };
    if let Err(error) = config::parse(text, &paths) {
        let said = error.to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
    // The same text as the value of a key that holds a secret.
    let quoted = text.replace(['\\', '"'], "").replace(char::is_control, "");
    let secret = format!("[accounts.a]\nhost = \"h\"\nuser = \"u\"\nport = {quoted}\npassword = \"hunter2\"\n");
    if let Err(error) = config::parse(&secret, &paths) {
        let said = error.to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
});
