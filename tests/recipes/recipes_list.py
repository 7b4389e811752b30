"""Each page of docs/recipes: where its mail server stands, what is there before, and who comes."""

import debian
import docker
import kubernetes
import sendmail_server

RECIPES = {**debian.RECIPES, **docker.RECIPES, **kubernetes.RECIPES, **sendmail_server.RECIPES}
