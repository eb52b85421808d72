# Unpacks config files from standard input into a release that is being made.
# Variables: deploy_to, release, config_dir

# A release that is there has its files.
[ -d "$deploy_to/releases/.staging-$release" ] || exit 0
cd -- "$deploy_to/releases/.staging-$release"
mkdir -p -- "$config_dir"
tar -xopf - -C "$config_dir" || fail "$E_CONFIG_FILES" "cannot write config files to $config_dir"
