"""nginx's mail proxy in front of Postfix: on the proxy host, which is a listed proxy, and on the stranger's, which is not.

Each port passes sessions on to the pod's port of the same number, with XCLIENT."""

import os
import shutil

import plan
from sandbox import wait_until

MODULE = "/usr/lib/nginx/modules/ngx_mail_module.so"
AUTH_PORT = 9000        # nginx asks over HTTP where a session goes; nginx itself answers
HOSTS = {"proxy": plan.PROXY_OUT, "stranger": plan.STRANGER}

CONFIG = """daemon off;
load_module {module};
pid {folder}/{name}.pid;
error_log {folder}/{name}.log info;
worker_processes 1;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/{name}.d/1;
    proxy_temp_path {folder}/{name}.d/2;
    fastcgi_temp_path {folder}/{name}.d/3;
    uwsgi_temp_path {folder}/{name}.d/4;
    scgi_temp_path {folder}/{name}.d/5;
    server {{
        listen 127.0.0.1:{auth_port};
{places}    }}
}}
mail {{
    server_name nginx.example;
    smtp_capabilities PIPELINING;
    smtp_auth none;
    xclient on;
{servers}}}
"""

PLACE = """        location = /{family}/{port} {{
            add_header Auth-Status OK;
            add_header Auth-Server "{server}";
            add_header Auth-Port {port};
            return 204;
        }}
"""

SERVER = """    server {{
        listen {listen}:{port};
        protocol smtp;
        auth_http 127.0.0.1:{auth_port}/{family}/{port};
    }}
"""


def why_not():
    """Why there can be no nginx here, or None."""
    if not shutil.which("nginx"):
        return "nginx is not installed"
    return None if os.path.exists(MODULE) else "nginx's mail module is not installed"


def _bracketed(address):
    return f"[{address}]" if ":" in address else address


def _config(folder, name, role, families):
    doors = [door for door in plan.SMTP_DOORS.values() if door.xclient and not door.proxied]
    each = [{"family": family, "port": door.port, "server": plan.POD.of(family), "listen": _bracketed(role.of(family)),
             "auth_port": AUTH_PORT} for family in families for door in doors]
    return CONFIG.format(module=MODULE, folder=folder, name=name, auth_port=AUTH_PORT, places="".join(PLACE.format(**one) for one in each),
                         servers="".join(SERVER.format(**one) for one in each))


def start(folder, processes, network):
    folder = os.path.join(folder, "nginx")
    os.mkdir(folder)
    for name, role in HOSTS.items():
        path = os.path.join(folder, name + ".conf")
        os.mkdir(os.path.join(folder, name + ".d"))
        with open(path, "w") as file:
            file.write(_config(folder, name, role, plan.FAMILIES if network.has_ipv6 else (plan.V4,)))
        host = getattr(network, name)
        processes.start("nginx-" + name, ["nginx", "-e", "stderr", "-c", path], host)
        wait_until(lambda host=host: _listens(host), 10, f"nginx on {name} starts", processes)


def _listens(host):
    try:
        host.connect("127.0.0.1", AUTH_PORT).close()
    except OSError:
        return False
    return True
