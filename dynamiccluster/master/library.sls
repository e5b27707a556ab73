# The library, installed with pip into the Python that the master runs in. What the packaged Salt calls salt-pip is found by
# Salt's own pip module; `bin_env` is for a master in a virtual environment other than this minion's.
# An installed library is left alone unless `version` asks for another one: pip would install a directory or a URL
# again each time, and each time the master would restart.
{%- from "dynamiccluster/map.jinja" import settings with context %}
{%- from "dynamiccluster/master/macros.jinja" import python with context %}
{%- set master = settings("master") | load_json %}
{%- set name = "saltext.dynamiccluster" %}
{%- set extras = "[" ~ master.extras | join(",") ~ "]" if master.extras else "" %}
{%- if "://" in master.package %}
{%- set wanted = name ~ extras ~ " @ " ~ master.package %}
{%- elif master.package == name and master.version %}
{%- set wanted = name ~ extras ~ "==" ~ master.version %}
{%- else %}
{%- set wanted = master.package ~ extras %}
{%- endif %}
{%- set look = "import sys, importlib.metadata as m; v = m.version(sys.argv[1]); sys.exit(sys.argv[2] not in ('', v))" %}

dynamiccluster_master_library:
  pip.installed:
    - name: {{ wanted | json }}
    - upgrade: true
{%- if master.bin_env %}
    - bin_env: {{ master.bin_env | json }}
{%- endif %}
{%- if master.index_url %}
    - index_url: {{ master.index_url | json }}
{%- endif %}
    - unless: {{ [python(master), "-c", look, name, master.version] | map("quote") | join(" ") | json }}
