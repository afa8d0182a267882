//! The files a policy is made of: found, read, and digested.

use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::diagnostic::Sink;
use super::node::Pos;

/// Largest policy file read, in bytes: 100,000 keys take about 30 MB.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// The texts of the files, beside their paths.
#[derive(Debug, Default)]
pub struct Sources {
    /// Every path that findings can point to; a file that cannot be read has no text.
    pub paths: Vec<PathBuf>,
    /// Index into `paths`, and text.
    pub texts: Vec<(u32, String)>,
}

/// Reads files, and the `*.yaml` and `*.yml` files directly in folders, each once.
pub fn read(paths: &[PathBuf], sink: &mut Sink) -> Sources {
    let mut sources = Sources::default();
    for path in paths {
        if path.is_dir() {
            match yaml_files(path) {
                Ok(files) if files.is_empty() => {
                    let pos = sources.add(path);
                    sink.error(pos, "the folder holds no policy file").help("policy files end in `.yaml` or `.yml`");
                }
                Ok(files) => files.iter().for_each(|file| sources.read_file(file, sink)),
                Err(error) => {
                    let pos = sources.add(path);
                    sink.error(pos, format!("cannot read the folder: {error}"));
                }
            }
        } else {
            sources.read_file(path, sink);
        }
    }
    if paths.is_empty() {
        let pos = sources.add(Path::new("."));
        sink.error(pos, "no policy file or folder was given");
    }
    sources
}

fn yaml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = vec![];
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        // A Kubernetes config map is a folder of links; editors leave hidden files behind.
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if yaml && !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

impl Sources {
    fn add(&mut self, path: &Path) -> Pos {
        let file = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
        self.paths.push(path.into());
        Pos::start_of(file)
    }

    /// Reads one file, unless it is read already.
    pub fn read_file(&mut self, path: &Path, sink: &mut Sink) {
        if self.paths.iter().any(|known| known == path) {
            return;
        }
        let pos = self.add(path);
        if std::fs::metadata(path).is_ok_and(|meta| meta.len() > MAX_FILE_BYTES) {
            sink.error(pos, format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20)).help("split it");
            return;
        }
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                sink.error(pos, format!("cannot read the file: {error}"));
                return;
            }
        };
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.texts.push((pos.file, text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), Into::into)))
            }
            Err(error) => {
                let valid = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
                let text = String::from_utf8_lossy(valid);
                let line = text.matches('\n').count().saturating_add(1);
                let column = text.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
                let bounded = |number| u32::try_from(number).unwrap_or(u32::MAX);
                let pos = Pos { line: bounded(line), column: bounded(column), ..pos };
                sink.error(pos, "the file is not UTF-8").help("save it as UTF-8");
            }
        }
    }

    /// The policy's version: 12 hex digits over what the files hold (in whatever order) and the environment.
    pub fn version(&self, environment: Option<&str>) -> String {
        let mut digests: Vec<[u8; 32]> = self.texts.iter().map(|(_, text)| Sha256::digest(text).into()).collect();
        digests.sort_unstable();
        let mut all = Sha256::new();
        digests.iter().for_each(|digest| all.update(digest));
        if let Some(environment) = environment {
            all.update([1]);
            all.update(environment);
        }
        all.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}
