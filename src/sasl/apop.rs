use md5::{Digest as _, Md5};

use crate::secret::Secret;

/// The digest for APOP (RFC 1939 section 7): MD5 over the greeting's stamp, angle brackets included, and the password.
pub fn apop_digest(stamp: &str, password: &Secret) -> String {
    let digest = Md5::new()
        .chain_update(stamp)
        .chain_update(password.expose());
    format!("{:x}", digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_1939() {
        let digest = apop_digest(
            "<1896.697170952@dbc.mtview.ca.us>",
            &Secret::new("tanstaaf".into()),
        );
        assert_eq!(digest, "c4c9334bac560ecc979e58001b3e22fb");
    }
}
