//! The servers, and what is expected of each.

/// How a handler learns that nobody wants its answer any more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Learns {
    /// It is told, or sees it when it looks, without writing anything.
    Told,
    /// This write of its response fails, the first or the second.
    Write(u32),
    /// It does all its work, and then ends as if its answer had been received.
    Never,
}
use Learns::*;

#[derive(Clone, Copy)]
pub(crate) struct Server {
    pub(crate) name: &'static str,
    /// A line of shell, which runs in the foreground. `@FILE@` and the like are filled in by
    /// `Running::start`.
    pub(crate) command: &'static str,
    /// In this folder: a program, or a configuration.
    pub(crate) file: &'static str,
    /// The server that the handlers are in, if this one is a proxy.
    pub(crate) origin: Option<&'static Server>,
    pub(crate) rows: &'static [Row],
}

pub(crate) struct Row {
    pub(crate) handler: &'static str,
    pub(crate) path: &'static str,
    /// Whether the fetch comes second, on a connection that was kept and idle.
    pub(crate) second: bool,
    /// When it is cancelled with a FIN alone, and with a FIN and an RST.
    pub(crate) fin: Learns,
    pub(crate) rst: Learns,
}

const fn row(handler: &'static str, path: &'static str, fin: Learns, rst: Learns) -> Row {
    Row { handler, path, second: false, fin, rst }
}

const fn second(handler: &'static str, path: &'static str, fin: Learns, rst: Learns) -> Row {
    Row { handler, path, second: true, fin, rst }
}

/// It learns by an event at once, so it is the origin behind the proxies.
const NODE: Server = Server {
    name: "Node http",
    command: "node @FILE@",
    file: "node.js",
    origin: None,
    rows: &[
        row("response.on('close')", "/event", Told, Told),
        second("the same, second request", "/event", Told, Told),
    ],
};

pub(crate) const IN_EVERY_TEST: &[Server] = &[
    NODE,
    Server {
        name: "nginx",
        command: "nginx -c @FILE@",
        file: "nginx.conf",
        origin: Some(&NODE),
        rows: &[
            row("proxy_pass", "/event", Told, Told),
            second("the same, second request", "/event", Told, Told),
            row("proxy_ignore_client_abort on", "/ignoring/event", Never, Never),
        ],
    },
    Server {
        name: "aiohttp",
        command: "@VENV@/bin/python @FILE@",
        file: "aiohttp_app.py",
        origin: None,
        rows: &[
            row("handler_cancellation=True", "/event", Told, Told),
            second("the same, second request", "/event", Told, Told),
        ],
    },
    Server {
        name: "uvicorn",
        command: "@VENV@/bin/python -m uvicorn --port @PORT@ uvicorn_app:app",
        file: "uvicorn_app.py",
        origin: None,
        rows: &[
            row("awaits http.disconnect", "/event", Told, Told),
            second("the same, second request", "/event", Told, Told),
            row("only sends", "/send", Never, Never),
        ],
    },
    Server {
        name: "gunicorn",
        command: "@VENV@/bin/python -m gunicorn -b 127.0.0.1:@PORT@ gunicorn_app:app",
        file: "gunicorn_app.py",
        origin: None,
        rows: &[
            row("looks at gunicorn.socket every 20 ms", "/event", Told, Told),
            row("yields pieces of its body", "/write", Write(2), Write(1)),
            row("only computes", "/compute", Never, Never),
        ],
    },
];

pub(crate) const OTHERS: &[Server] = &[
    Server {
        name: "Go net/http",
        command: "sh -c 'GOCACHE=@CACHE@/go go build -o handler @FILE@ && exec ./handler'",
        file: "handler.go",
        origin: None,
        rows: &[
            row("<-request.Context().Done()", "/event", Told, Told),
            second("the same, second request", "/event", Told, Told),
        ],
    },
    Server {
        name: "HAProxy",
        command: "env ABORTONCLOSE=no haproxy -db -f @FILE@",
        file: "haproxy.cfg",
        origin: Some(&NODE),
        rows: &[row("default", "/event", Never, Never)],
    },
    Server {
        name: "HAProxy",
        command: "env ABORTONCLOSE=backend haproxy -db -f @FILE@",
        file: "haproxy.cfg",
        origin: Some(&NODE),
        rows: &[row("option abortonclose in the backend", "/event", Never, Never)],
    },
    Server {
        name: "HAProxy",
        command: "env ABORTONCLOSE=everywhere haproxy -db -f @FILE@",
        file: "haproxy.cfg",
        origin: Some(&NODE),
        rows: &[
            row("option abortonclose in defaults", "/event", Told, Told),
            second("the same, second request", "/event", Told, Told),
        ],
    },
    Server {
        name: "lighttpd",
        command: "lighttpd -D -f @FILE@",
        file: "lighttpd.conf",
        origin: Some(&NODE),
        // It watches a connection once it has had to wait for the client there. A request that
        // comes with the connection is handled before that, and whether an RST is then noticed
        // is a matter of chance.
        rows: &[second("mod_proxy, second request", "/event", Never, Told)],
    },
    Server {
        name: "Caddy",
        command: "env HOME=@FOLDER@ caddy run --adapter caddyfile --config @FILE@",
        file: "Caddyfile",
        origin: Some(&NODE),
        rows: &[row("reverse_proxy", "/event", Told, Told)],
    },
    Server {
        name: "Apache",
        command: "apache2 -d @FOLDER@ -f @FILE@ -D FOREGROUND",
        file: "apache.conf",
        origin: Some(&NODE),
        rows: &[row("mod_proxy_http", "/event", Never, Never)],
    },
    Server {
        name: "h2o",
        command: "h2o -c @FILE@",
        file: "h2o.conf",
        origin: Some(&NODE),
        rows: &[row("proxy.reverse.url", "/event", Never, Never)],
    },
    Server {
        name: "JDK httpserver",
        command: "java @FILE@",
        file: "Handler.java",
        origin: None,
        rows: &[row("writes and flushes", "/write", Write(2), Write(1))],
    },
    Server {
        name: "php -S",
        command: "php -d output_buffering=0 -S 127.0.0.1:@PORT@ @FILE@",
        file: "handler.php",
        origin: None,
        rows: &[row("echo and flush()", "/write", Write(2), Write(1))],
    },
];
