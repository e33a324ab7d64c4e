#!/bin/sh
# Push a branch to the repository on a server, whose post-receive hook then deploys it (see
# hosting/post-receive). Reads BRANCH_NAME and STAGING_REMOTE_REPO, such as
# deployer@server.example.com:/srv/flexmeasures.git
set -eu
: "${BRANCH_NAME:?Set BRANCH_NAME to the branch to deploy.}"
: "${STAGING_REMOTE_REPO:?Set STAGING_REMOTE_REPO to the repository on the server.}"

if git remote get-url staging >/dev/null 2>&1; then
    git remote set-url staging "$STAGING_REMOTE_REPO"
else
    git remote add staging "$STAGING_REMOTE_REPO"
fi
# CI often checks out a commit, not a branch.
git push --tags staging "HEAD:refs/heads/$BRANCH_NAME"

arrived=$(git ls-remote staging "refs/heads/$BRANCH_NAME" | cut -f 1)
if [ "$arrived" != "$(git rev-parse HEAD)" ]; then
    echo "The server did not deploy this." >&2
    exit 1
fi
