"""The chapters as a whole: their registry, the form that they keep, their execution, the commands on them."""
