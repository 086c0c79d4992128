//! Who plays: the machines, the agents on them, and what goes wrong there.

use super::stage::{Mishap, Worker};

/// Orchestrates renders from a rented machine in the US.
pub(super) const PLANNER: Worker = Worker { host: "us-vps", agent: "caramel" };
/// Renders on a desktop machine.
pub(super) const RENDERER: Worker = Worker { host: "mac-mini", agent: "caramel" };
/// Encodes where there is a graphics card.
pub(super) const ENCODER: Worker = Worker { host: "node-pc", agent: "caramel" };
/// Collects prices near the shops.
pub(super) const SCRAPER: Worker = Worker { host: "hk-vps", agent: "nobel" };
/// Reads what was collected.
pub(super) const READER: Worker = Worker { host: "node-pc", agent: "nobel" };
/// Clicks through the shop.
pub(super) const TESTER: Worker = Worker { host: "mac-mini", agent: "qa" };
/// Compares the books.
pub(super) const AUDITOR: Worker = Worker { host: "us-vps", agent: "audit" };
/// Does so overseas.
pub(super) const AUDITOR_ABROAD: Worker = Worker { host: "hk-vps", agent: "audit" };

/// Passes by itself: TRANSIENT.
pub(super) const SLOW_SHOP: Mishap = Mishap {
    class: "TimeoutError",
    message: "page.goto: Timeout 30000ms exceeded while waiting for https://shop.example/prices?page=14",
    stack_trace: "TimeoutError: page.goto: Timeout 30000ms exceeded\n    at fetchPage (/srv/nobel/scrape.js:88:17)\n    at async collect (/srv/nobel/scrape.js:41:5)",
    exit_code: None,
};

/// Passes by itself as well.
pub(super) const LOST_CONNECTION: Mishap = Mishap {
    class: "ConnectionResetError",
    message: "[Errno 104] Connection reset by peer: api.exchange.example:443",
    stack_trace: "Traceback (most recent call last):\n  File \"/srv/nobel/rates.py\", line 57, in fetch\n    reply = session.get(url, timeout=10)\nConnectionResetError: [Errno 104] Connection reset by peer",
    exit_code: None,
};

/// Fails again however often it is tried: PERSISTENT.
pub(super) const MISSING_BUTTON: Mishap = Mishap {
    class: "NoSuchElementException",
    message: "no such element: Unable to locate element: {\"method\":\"css selector\",\"selector\":\"#pay-now\"}",
    stack_trace: "NoSuchElementException: no such element\n    at CheckoutPage.pay (/srv/qa/pages/checkout.ts:112:9)\n    at /srv/qa/specs/checkout.spec.ts:31:5",
    exit_code: None,
};

/// Likewise.
pub(super) const MISSING_TEXTURE: Mishap = Mishap {
    class: "FileNotFoundError",
    message: "[Errno 2] No such file or directory: '/mnt/nas/scenes/0042/wood_floor_4k.exr'",
    stack_trace: "Traceback (most recent call last):\n  File \"/srv/render/scene.py\", line 204, in load_textures\nFileNotFoundError: [Errno 2] No such file or directory",
    exit_code: None,
};

/// Something ran out: RESOURCE.
pub(super) const FULL_DISK: Mishap = Mishap {
    class: "OSError",
    message: "[Errno 28] No space left on device: '/var/tmp/encode/pass2.mkv'",
    stack_trace: "",
    exit_code: None,
};

/// Likewise, in the kernel's words.
pub(super) const OUT_OF_MEMORY: Mishap = Mishap {
    class: "SIGKILL",
    message: "ffmpeg was killed: out of memory (anon-rss:15938204kB)",
    stack_trace: "",
    exit_code: Some(137),
};

/// Somebody has to renew something: CONFIG.
pub(super) const EXPIRED_TOKEN: Mishap = Mishap {
    class: "AuthenticationError",
    message: "401 Unauthorized: token expired for ledger.example, log in again",
    stack_trace: "",
    exit_code: None,
};

/// Likewise.
pub(super) const NO_PERMISSION: Mishap = Mishap {
    class: "PermissionError",
    message: "[Errno 13] Permission denied: '/mnt/nas/ledger/2026-Q3.parquet'",
    stack_trace: "",
    exit_code: None,
};
