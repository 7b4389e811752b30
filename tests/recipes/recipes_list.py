"""Each page of docs/recipes: where its mail server stands, what is there before, and who comes."""

import debian
import kubernetes

RECIPES = {**debian.RECIPES, **kubernetes.RECIPES}
