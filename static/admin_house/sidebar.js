// Django opens its sidebar once the whole page stands, and moves it all aside; this opens it before anything is drawn.
"use strict";

document.getElementById("main").classList.toggle("shifted", localStorage.getItem("django.admin.navSidebarIsOpen") !== "false");
