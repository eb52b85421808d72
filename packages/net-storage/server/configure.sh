# Unpacks config files into the release being staged.
# Variables: deploy_to, release, config_dir, content (tar archive, escaped for `printf %b`; empty: it is on standard input)

step link
# A finished release already has its files.
[ -d "$deploy_to/releases/.staging-$release" ] || exit 0
cd -- "$deploy_to/releases/.staging-$release"
mkdir -p -- "$config_dir"
if [ -n "$content" ]; then printf %b "$content"; else cat; fi | tar -xopf - -C "$config_dir" ||
  fail "$E_CONFIG_FILES" "cannot write config files to $config_dir"
