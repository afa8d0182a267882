//! A certificate for the loopback interface, and who vouches for it.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Files in PEM.
#[derive(Debug)]
pub struct Certificate {
    /// The certificate of 127.0.0.1.
    pub chain: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Its issuer.
    pub issuer: PathBuf,
}

impl Certificate {
    /// Makes one in a folder.
    pub fn create(folder: &Path) -> Self {
        let mut of_issuer = CertificateParams::new(Vec::<String>::new()).expect("no names");
        of_issuer.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer_key = KeyPair::generate().expect("a key");
        let issuer = of_issuer.self_signed(&issuer_key).expect("a certificate");
        let issued_by = Issuer::from_params(&of_issuer, &issuer_key);
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
        // With one name for both, it would look as if nobody else had signed it.
        params.distinguished_name.push(DnType::CommonName, "server");
        let chain = params.signed_by(&key, &issued_by).expect("a certificate");
        let file = |name: &str, pem: String| {
            let path = folder.join(name);
            std::fs::write(&path, pem).expect("the folder can be written to");
            path
        };
        Self {
            chain: file("server.pem", chain.pem()),
            key: file("server.key", key.serialize_pem()),
            issuer: file("issuer.pem", issuer.pem()),
        }
    }
}
