"""Choose a recipe for a data set and the machine at hand, and measure what it will cost."""

from tessella.plan.plan import Plan, plan_data, plan_recipe

__all__ = ["Plan", "plan_data", "plan_recipe"]
