//! The texts as they are shipped, with Redis' own clock.

use keyward::store::library::{LIBRARY, SCRIPT, SCRIPT_SHA1, VERSION};

use crate::redis_server::Redis;

#[test]
fn the_script_has_the_name_it_is_called_by() {
    let server = Redis::start();
    let mut connection = server.connect();
    let sha: String = redis::cmd("SCRIPT").arg("LOAD").arg(SCRIPT).query(&mut connection).unwrap();
    assert_eq!(sha, SCRIPT_SHA1, "put the new one into src/store/library/mod.rs, and raise VERSION if it was released");
    let version: u32 = redis::cmd("EVALSHA").arg(SCRIPT_SHA1).arg(0).arg("version").query(&mut connection).unwrap();
    assert_eq!(version, VERSION);
}

#[test]
fn the_library_tells_its_version() {
    let server = Redis::start();
    let mut connection = server.connect();
    let name: String = redis::cmd("FUNCTION").arg("LOAD").arg(LIBRARY).query(&mut connection).unwrap();
    assert_eq!(name, "keyward");
    let version: u32 = redis::cmd("FCALL").arg("keyward_version").arg(0).query(&mut connection).unwrap();
    assert_eq!(version, VERSION);
}

#[test]
fn the_time_is_that_of_redis() {
    let server = Redis::start();
    let mut connection = server.connect();
    redis::cmd("FUNCTION").arg("LOAD").arg(LIBRARY).exec(&mut connection).unwrap();
    let mut time = || -> u64 {
        let (seconds, micros): (u64, u64) = redis::cmd("TIME").query(&mut connection).unwrap();
        let mut take = redis::cmd("FCALL");
        take.arg("keyward_take").arg(0).arg("e").arg(30_000).arg(0);
        let reply: String = take.query(&mut connection).unwrap();
        let now: u64 = reply.strip_prefix("ok ").unwrap().parse().unwrap();
        assert!(now >= seconds * 1000 + micros / 1000, "{reply}");
        now
    };
    assert!(time() <= time());
}
