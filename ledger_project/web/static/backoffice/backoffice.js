// Copying ids, the reader's own time in tooltips, and forms that are sent once. Every page works without it.
(() => {
    const copy = async (text) => {
        if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
        const area = document.createElement("textarea"); // plain http has no clipboard API
        area.value = text;
        document.body.append(area);
        area.select();
        document.execCommand("copy");
        area.remove();
    };

    document.addEventListener("click", async (event) => {
        const button = event.target.closest(".lb-copy");
        if (!button) return;
        event.preventDefault();
        await copy(button.dataset.copy);
        const sign = button.firstElementChild;
        button.classList.add("lb-copied");
        sign.textContent = "check";
        setTimeout(() => {
            button.classList.remove("lb-copied");
            sign.textContent = "content_copy";
        }, 1500);
    });

    // A second click is harmless (the form's token is the idempotency key); this spares the reader the doubt.
    document.addEventListener("submit", (event) => {
        if (!event.target.matches(".lb-form")) return;
        if (event.target.dataset.sent) event.preventDefault();
        event.target.dataset.sent = "yes";
        for (const button of event.target.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });

    addEventListener("pageshow", () => {
        for (const form of document.querySelectorAll(".lb-form")) delete form.dataset.sent;
        for (const time of document.querySelectorAll("time.lb-time")) {
            time.title = `${time.dateTime}\n${new Date(time.dateTime).toLocaleString()} here`;
        }
    });
})();
