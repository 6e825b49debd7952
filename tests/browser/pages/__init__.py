"""The dashboard in a browser that its tests share: pytest's scope "package" needs this file."""
