//! A provider that nobody here wrote: LiteLLM's own proxy serves OpenAI's API, the official SDKs call it through the gateway,
//! and what they are told of usage is what is charged.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::sdk::installed;
use crate::support::build::root;
use crate::support::config::credential;
use crate::support::gateway::Gateway;
use crate::support::litellm::LiteLlm;
use crate::support::policy::key;

const POLICY: &str = r"
version: 1
providers: { openai: { api: openai } }
models:
  hello: { cluster: openai, max_output_tokens: 1000, targets: [ { provider: openai, model: says-hello, price: { input: 1, output: 10 } } ] }
  busy: { cluster: openai, max_output_tokens: 1000, targets: [ { provider: openai, model: is-busy, price: { input: 1, output: 10 } } ] }
  unknown: { cluster: openai, max_output_tokens: 1000, targets: [ { provider: openai, model: nobody-knows, price: { input: 1, output: 10 } } ] }
teams: { t: {} }
keys: [ { id: open, hash: <open>, team: t } ]
";

/// The gateway with LiteLLM where OpenAI is. It may fail as often as a test wants without being ejected.
fn gateway(litellm: &LiteLlm) -> Gateway {
    Gateway::start_configured(POLICY, |config| {
        let clusters = config["static_resources"]["clusters"].as_array_mut().expect("clusters");
        let cluster = clusters.iter_mut().find(|cluster| cluster["name"] == "openai").expect("OpenAI's");
        let endpoint = &mut cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"];
        endpoint["address"]["socket_address"]["port_value"] = json!(litellm.address().port());
    })
}

/// What SDKs were told, as `tests/sdk/litellm/conftest.py` writes it down, has its audit record, and costs what the policy says.
fn accounted(gateway: &Gateway, told: &Value) {
    let record = gateway.audit(told["request_id"].as_str().expect("the id of a request"));
    for field in ["input_tokens", "output_tokens", "stream"] {
        assert_eq!(record[field], told[field], "{field}: {record}");
    }
    let tokens = |field: &str| told[field].as_u64().expect("a number of tokens");
    // A dollar for a million of input tokens, ten for a million of output tokens.
    let micros = tokens("input_tokens") + 10 * tokens("output_tokens");
    let cost = format!("0.{micros:06}");
    assert_eq!(record["cost_usd"], cost.trim_end_matches('0'), "{record}");
    assert_eq!((&record["status"], &record["estimated"]), (&json!(200), &json!(false)), "{record}");
    assert_eq!((&record["model"], &record["provider_model"]), (&json!("hello"), &json!("says-hello")), "{record}");
}

#[test]
fn the_sdks_are_served_by_litellm_and_charged_what_they_are_told() {
    let pytest = root().join(".keyward/sdk/bin/pytest");
    installed(&pytest);
    let folder = root().join("tests/sdk/litellm");
    let litellm = LiteLlm::start(&folder.join("config.yaml"), &credential("openai"));
    let gateway = gateway(&litellm);
    let noted = tempfile::NamedTempFile::new().expect("a temporary file");
    let output = Command::new(pytest)
        .args(["-q", "-p", "no:cacheprovider"])
        .arg(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("KEYWARD_URL", format!("http://{}", gateway.address()))
        .env("KEYWARD_KEY", key("open"))
        .env("KEYWARD_TOLD", noted.path())
        .output()
        .expect("pytest runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let told = fs::read_to_string(noted.path()).expect("what the SDKs were told");
    assert_eq!(told.lines().count(), 4, "{told}");
    for line in told.lines() {
        accounted(&gateway, &serde_json::from_str(line).expect("JSON"));
    }
    // Errors cost nothing.
    let records = gateway.audit_records();
    let failed = records.iter().filter(|record| record["model"] == "busy" || record["model"] == "unknown");
    assert!(failed.clone().count() == 4 && failed.clone().all(|record| record["cost_usd"] == "0"), "{records:?}");
}
