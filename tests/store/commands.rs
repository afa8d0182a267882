//! `keyward store` and `keyward usage`, run as a person or a script runs them. `UPDATE_GOLDENS=1` renews the expected outputs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use keyward::store::library::{LIBRARY, SCRIPT_SHA1, VERSION};
use redis::Connection;

use crate::redis_server::Redis;
use crate::tls::Certificate;

const GOLDENS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/store/commands");

pub fn keyward(url: &str, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(args).env_remove("CLICOLOR_FORCE").env_remove("KEYWARD_STORE_URL");
    if !url.is_empty() {
        command.env("KEYWARD_STORE_URL", url);
    }
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let code = output.status.code().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    format!("{}--- stderr\n{}--- exit {code}\n", text(&output.stdout), text(&output.stderr))
}

/// Runs a command and compares all it says with the stored output of that name; what differs from run to run is left out.
pub fn golden(name: &str, server: &Redis, args: &[&str]) {
    golden_in(Path::new("/nowhere"), name, server, args);
}

/// The same of files in a folder.
pub fn golden_in(folder: &Path, name: &str, server: &Redis, args: &[&str]) {
    let url = server.url();
    let said = format!("$ keyward {}\n{}", args.join(" "), said(&keyward(&url, args)));
    let said = said.replace(folder.to_str().unwrap(), "<folder>");
    let port = url.rsplit(':').next().unwrap();
    let said = said.replace(&format!(":{port}"), ":<port>").replace(SCRIPT_SHA1, "<sha1>");
    let said: String = said.lines().map(|line| steady(line) + "\n").collect();
    let path = format!("{GOLDENS}/{name}.expected");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &said).unwrap();
    }
    assert_eq!(said, fs::read_to_string(&path).unwrap_or_default(), "{name}");
}

/// A line without versions of servers, sizes and times.
fn steady(line: &str) -> String {
    for (start, shown) in [
        ("server   Redis ", "<version>"),
        ("memory   ", "<size>"),
        ("  \"memory_bytes\": ", "<size>"),
        ("  \"server\": ", "<version>"),
        ("      \"seen_seconds_ago\": ", "<time>"),
        ("         e-1  seen ", "<time>  envoy 1.40"),
    ] {
        if line.starts_with(start) {
            return format!("{start}{shown}");
        }
    }
    line.to_owned()
}

/// A library as an older or a newer Keyward has it.
fn load_version(connection: &mut Connection, version: u32) {
    let text = LIBRARY.replace(&format!("local VERSION = {VERSION}\n"), &format!("local VERSION = {version}\n"));
    redis::cmd("FUNCTION").arg("LOAD").arg("REPLACE").arg(text).exec(connection).unwrap();
}

fn loaded(connection: &mut Connection) -> u32 {
    redis::cmd("FCALL").arg("keyward_version").arg(0).query(connection).unwrap()
}

/// One request, reported with a row of the ledger.
fn use_it(connection: &mut Connection, worker: &str, day: &str, row: &str) {
    let (seq, day) = (format!("kw:{{kw}}:seq:{worker}"), format!("kw:{{kw}}:day:{day}"));
    let mut report = redis::cmd("FCALL");
    report.arg("keyward_report").arg(3);
    report.arg(&seq).arg("kw:{kw}:level:global").arg(&day);
    let slot = "1 1 1 m s 60000 0 100 0 0 0 - 1 99999999999999 1";
    report.arg("e-1").arg("envoy 1.40").arg("1").arg("30000").arg("1").arg(slot.split(' ').collect::<Vec<_>>());
    let (name, amounts) = row.split_once(' ').unwrap();
    report.arg("1").arg("1").arg(name.replace('/', "\u{1f}")).arg(amounts.split(' ').collect::<Vec<_>>());
    let reply: String = report.query(connection).unwrap();
    assert!(reply.starts_with("ok "), "{reply}");
}

fn used_of_the_minute(connection: &mut Connection) -> String {
    let mut take = redis::cmd("FCALL");
    take.arg("keyward_take").arg(1).arg("kw:{kw}:level:global").arg("onlooker").arg(30_000).arg(1);
    let reply: String =
        take.arg("1 m s 60000 0 100 0 0 0 0 0 0 0 0".split(' ').collect::<Vec<_>>()).query(connection).unwrap();
    reply.split(' ').nth(5).unwrap().to_owned()
}

#[test]
fn init_loads_the_library_once_and_keeps_every_count() {
    let server = Redis::start();
    let mut connection = server.connect();
    golden("status_of_nothing", &server, &["store", "status"]);
    golden("init", &server, &["store", "init"]);
    golden("init_again", &server, &["store", "init", "--json"]);

    load_version(&mut connection, 0);
    use_it(&mut connection, "w", "2026-01-01", "k 1 0 0 0 0 0 0");
    golden("status_of_another_version", &server, &["store", "status"]);
    golden("init_upgrade", &server, &["store", "init", "--json"]);
    assert_eq!((loaded(&mut connection), used_of_the_minute(&mut connection).as_str()), (VERSION, "1"));

    load_version(&mut connection, 99);
    golden("init_never_goes_back", &server, &["store", "init"]);
    assert_eq!(loaded(&mut connection), 99);
    golden("init_goes_back_where_told_to", &server, &["store", "init", "--force"]);
    assert_eq!(loaded(&mut connection), VERSION);
}

#[test]
fn a_server_without_functions_gets_the_script() {
    let more = ["--save", "", "--rename-command", "FUNCTION", "", "--rename-command", "FCALL", ""];
    let server = Redis::start_with(&more, None);
    golden("status_without_functions", &server, &["store", "status", "--json"]);
    golden("init_without_functions", &server, &["store", "init"]);
    golden("init_without_functions_json", &server, &["store", "init", "--json"]);
    let version: u32 =
        redis::cmd("EVALSHA").arg(SCRIPT_SHA1).arg(0).arg("version").query(&mut server.connect()).unwrap();
    assert_eq!(version, VERSION);
    golden("status_of_a_script", &server, &["store", "status"]);
}

#[test]
fn status_tells_what_is_there_and_whether_it_would_stay() {
    let server = Redis::start();
    assert!(keyward(&server.url(), &["store", "init"]).status.success());
    for (worker, day) in [("w", "2026-01-01"), ("v", "2026-02-03")] {
        use_it(&mut server.connect(), worker, day, "k 1 0 0 0 0 0 0");
    }
    for key in ["kw:key:aGFzaA==", "kw:keyids", "other"] {
        redis::cmd("SET").arg(key).arg("x").exec(&mut server.connect()).unwrap();
    }
    golden("status", &server, &["store", "status"]);
    golden("status_json", &server, &["store", "status", "--json"]);
    for kept in [&["--save", "3600 1"][..], &["--save", "", "--appendonly", "yes"]] {
        let server = Redis::start_with(kept, None);
        let said = said(&keyward(&server.url(), &["store", "status"]));
        assert!(!said.contains("warning"), "{said}");
    }
}

#[test]
fn usage_sums_the_ledger_up() {
    let server = Redis::start();
    let mut connection = server.connect();
    load_version(&mut connection, VERSION);
    for (worker, day, row) in [
        ("a", "2026-01-01", "ads-prod/jo/ads/marketing/acme/gpt-4o 2 1000 200 0 300 0 1250000001"),
        ("b", "2026-01-01", "agent//bots/platform/acme/claude-sonnet 1 10 0 0 20 5 2500"),
        ("c", "2026-01-02", "ads-prod/jo/ads/marketing/acme/claude-sonnet 1 0 0 0 0 0 0"),
        ("d", "2026-02-01", "late//// 1 1 1 1 1 1 1"),
        ("e", "2025-12-31", "early//// 1 1 1 1 1 1 1"),
    ] {
        use_it(&mut connection, worker, day, row);
    }
    let month = ["--since", "2026-01-01", "--until", "2026-01-31"];
    let usage = |name: &str, more: &[&str]| golden(name, &server, &[&["usage"], &month[..], more].concat());
    usage("usage", &[]);
    usage("usage_by_user", &["--by", "user"]);
    usage("usage_by_model_json", &["--by", "model", "--json"]);
    usage("usage_by_user_csv", &["--by", "user", "--csv"]);
    redis::cmd("HINCRBY").arg("kw:{kw}:day:2026-03-01").arg("a,\"b\"\n|requests").arg(1).exec(&mut connection).unwrap();
    golden(
        "usage_csv_of_a_strange_name",
        &server,
        &["usage", "--since", "2026-03-01", "--until", "2026-03-01", "--csv"],
    );
    golden("usage_of_nothing", &server, &["usage", "--since", "2024-01-01", "--until", "2024-01-02"]);
    golden("usage_backwards", &server, &["usage", "--since", "2026-02-01", "--until", "2026-01-01"]);
    golden("usage_since_never", &server, &["usage", "--since", "yesterday"]);
    golden("usage_without_a_library", &Redis::start(), &["usage", "--since", "2024-01-01", "--until", "2024-01-02"]);
    golden("usage_of_too_many_days", &server, &["usage", "--since", "2020-01-01", "--until", "2026-01-01"]);
}

#[test]
fn usage_by_each_part_of_a_row() {
    let server = Redis::start();
    let mut connection = server.connect();
    load_version(&mut connection, VERSION);
    use_it(&mut connection, "a", "2026-01-01", "the-key/the-user/the-project/the-team/the-org/the-model 1 0 0 0 0 0 0");
    for by in ["key", "user", "project", "team", "org", "model"] {
        let args = ["usage", "--since", "2026-01-01", "--until", "2026-01-01", "--by", by];
        let said = said(&keyward(&server.url(), &args));
        assert!(said.contains(&format!("\nthe-{by} ")), "{said}");
    }
}

#[test]
fn usage_shows_a_day_that_has_begun_only_far_in_the_east() {
    let server = Redis::start();
    let mut connection = server.connect();
    load_version(&mut connection, VERSION);
    let day = jiff::Timestamp::now().to_zoned(jiff::tz::offset(14).to_time_zone()).date().to_string();
    use_it(&mut connection, "a", &day, "early/-/-/-/-/- 1 0 0 0 0 0 0");
    let said = said(&keyward(&server.url(), &["usage"]));
    assert!(said.contains("\nearly "), "{said}");
}

#[test]
fn the_password_is_used_and_never_shown() {
    let server = Redis::start_with(&["--save", ""], Some("hunter2"));
    let right = keyward(&server.url(), &["store", "init"]);
    assert!(right.status.success(), "{}", said(&right));
    let nobody = "redis://jo:hunter2@127.0.0.1:1";
    for url in
        [&server.url().replace("hunter2", "hunter22"), nobody, "http://:hunter2@127.0.0.1", "redis://:hunter2@[/"]
    {
        for command in [&["store", "init"][..], &["store", "status", "--json"], &["usage"]] {
            let output = keyward("", &[command, &["--url", url]].concat());
            let said = said(&output);
            assert_eq!(output.status.code(), Some(2), "{said}");
            assert!(!said.contains("hunter2"), "{said}");
            assert!(output.stdout.is_empty() && said.contains("store"), "{said}");
        }
    }
    let said = said(&keyward(&server.url().replace(":hunter2@", ""), &["store", "init"]));
    assert!(said.contains("NOAUTH") || said.contains("the user or the password"), "{said}");
}

#[test]
fn a_store_that_is_not_there_is_said_in_one_line() {
    let refused = said(&keyward("redis://127.0.0.1:1", &["store", "status"]));
    let (line, rest) = refused.strip_prefix("--- stderr\n").unwrap().split_once('\n').unwrap();
    assert!(line.starts_with("error: cannot connect to the store at 127.0.0.1:1: "), "{line}");
    assert_eq!(rest, "--- exit 2\n");
    // As where the URL leads to Webdis.
    let web = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", web.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in web.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let other = said(&keyward(&url, &["store", "status"]));
    assert!(other.contains("is no Redis") && other.lines().count() == 3, "{other}");
    let unnamed = said(&keyward("", &["usage"]));
    assert!(unnamed.contains("KEYWARD_STORE_URL") && unnamed.ends_with("exit 2\n"), "{unnamed}");
}

#[test]
fn tls_is_spoken_where_the_url_says_so_with_whom_the_machine_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::create(folder.path());
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let [chain, key, issuer] =
        [&certificate.chain, &certificate.key, &certificate.issuer].map(|path| path.to_str().unwrap());
    let files = ["--tls-cert-file", chain, "--tls-key-file", key, "--tls-ca-cert-file", issuer];
    let more = [&["--save", "", "--tls-port", &free, "--tls-auth-clients", "no"][..], &files].concat();
    let server = Redis::start_with(&more, Some("hunter2"));
    let url = format!("rediss://:hunter2@127.0.0.1:{free}");
    let refused = said(&keyward(&url, &["store", "init"]));
    assert!(refused.contains("UnknownIssuer") && refused.ends_with("exit 2\n"), "{refused}");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.args(["store", "init"]).env("KEYWARD_STORE_URL", &url).env("SSL_CERT_FILE", issuer);
    assert!(command.output().unwrap().status.success());
    assert_eq!(loaded(&mut server.connect()), VERSION);
    let in_the_clear = said(&keyward(&server.url().replace("redis://", "rediss://"), &["store", "status"]));
    assert!(in_the_clear.contains("cannot connect to the store at"), "{in_the_clear}");
    assert!(in_the_clear.ends_with("exit 2\n") && !in_the_clear.contains("panicked"), "{in_the_clear}");
}
