"""examples/demo in a real browser: what a person sees and does, and what the browser's own jar holds."""

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

SECONDS = 15


def leave(driver: WebDriver, how) -> None:
    """Do what leads to another page, and wait for it: the next page does not have this one's mark."""
    driver.execute_script("window.left = true")
    how()
    arrived = "return !window.left && document.readyState == 'complete'"
    patiently(driver).until(lambda driver: driver.execute_script(arrived))


def patiently(driver: WebDriver) -> WebDriverWait:
    """Wait through the moment between two pages, in which the driver knows neither."""
    return WebDriverWait(driver, SECONDS, ignored_exceptions=[WebDriverException])


def press(driver: WebDriver, label: str) -> None:
    button = driver.find_element(By.XPATH, f"//button[.='{label}'] | //a[.='{label}']")
    leave(driver, button.click)


def log_in(driver: WebDriver, name: str) -> None:
    driver.find_element(By.ID, "name").send_keys(name)
    press(driver, "Log in")


def text(driver: WebDriver, selector: str) -> str:
    return driver.find_element(By.CSS_SELECTOR, selector).text


def facts(driver: WebDriver) -> list[str]:
    """Read what this page set, and what the response before it did."""
    return [" ".join(fact.text.split()) for fact in driver.find_elements(By.CSS_SELECTOR, ".facts dd")][:2]


def jar(driver: WebDriver) -> set[str]:
    return {cookie["name"] for cookie in driver.get_cookies()}


def test_a_session_from_log_in_to_log_out(demo: str, driver: WebDriver) -> None:
    driver.get(demo)
    assert jar(driver) == set()
    assert facts(driver) == ["nothing", "none yet"]

    log_in(driver, "Grëtel <i>")
    assert text(driver, "#owner") == "Grëtel <i>"
    assert facts(driver) == ["nothing", "regenerate POST /login"]
    leave(driver, driver.refresh)
    assert text(driver, "#owner") == "Grëtel <i>"
    assert facts(driver) == ["nothing", "nothing GET /"]

    press(driver, "Add")
    small = int(text(driver, "#octets"))
    press(driver, "Add")
    assert [item.text for item in driver.find_elements(By.CSS_SELECTOR, ".cart span")] == ["Gingersnap", "Gingersnap"]
    assert facts(driver) == ["nothing", "changed POST /cart/add"]
    octets = int(text(driver, "#octets"))
    assert small < octets == len("koa.sess") + len(driver.get_cookie("koa.sess")["value"])
    assert driver.find_element(By.ID, "size").get_attribute("value") == str(octets)

    press(driver, "Log out")
    assert jar(driver) == set()
    assert facts(driver) == ["nothing", "destroy POST /logout"]
    assert driver.current_url == f"{demo}/"


def test_a_forged_cookie_starts_a_new_session(demo: str, driver: WebDriver) -> None:
    driver.get(demo)
    log_in(driver, "Hansel")
    cookie = driver.get_cookie("koa.sess")
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    value = cookie["value"]
    driver.add_cookie({**cookie, "value": value[:9] + ("A" if value[9] != "A" else "B") + value[10:]})
    leave(driver, driver.refresh)
    assert "signature does not match" in text(driver, ".note")
    assert not driver.find_elements(By.ID, "owner")
    # The next change writes a sound one over it.
    press(driver, "Count a view")
    assert text(driver, "#views") == "1"
    assert not driver.find_elements(By.CSS_SELECTOR, ".note")


def test_a_full_cookie_is_told_kindly(demo: str, driver: WebDriver) -> None:
    driver.get(demo)
    for _ in range(9):
        press(driver, "Fill up by 500 bytes")
        if driver.find_elements(By.CSS_SELECTOR, ".note"):
            break
    assert "That was too much" in text(driver, ".note")
    assert int(text(driver, "#octets")) <= 4096


def test_the_countdown_runs_under_the_pages_own_policy(demo: str, driver: WebDriver) -> None:
    driver.get(demo)
    press(driver, "Count a view")
    before = text(driver, ".countdown")
    patiently(driver).until(lambda driver: text(driver, ".countdown") != before)
    assert driver.get_log("browser") == []


def test_the_page_works_without_its_script(demo: str, driver: WebDriver) -> None:
    driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    driver.get(demo)
    driver.find_element(By.XPATH, "//button[.='Count a view']").click()
    patiently(driver).until(lambda driver: text(driver, "#views") == "1")
    assert text(driver, ".countdown").startswith(("9:", "10:"))


def test_one_window_logs_the_other_out(demo_with_store: str, driver: WebDriver, other: WebDriver) -> None:
    for window in (driver, other):
        window.get(demo_with_store)
        log_in(window, "Gretel")
    press(driver, "Count a view")
    assert len(driver.find_elements(By.CSS_SELECTOR, ".devices li")) == 2
    press(driver, "End")
    assert "has ended" in text(driver, ".note")
    assert len(driver.find_elements(By.CSS_SELECTOR, ".devices li")) == 1

    assert text(other, "#owner") == "Gretel"
    press(other, "Only read")
    assert "You are logged out" in text(other, ".note")
    assert not other.find_elements(By.ID, "owner")

    press(driver, "Only read")
    assert (text(driver, "#owner"), text(driver, "#views")) == ("Gretel", "1")
    assert [*driver.get_log("browser"), *other.get_log("browser")] == []


@pytest.mark.parametrize("kind", ["demo", "demo_with_store"])
def test_the_page_fits_a_small_screen(kind: str, driver: WebDriver, request: pytest.FixtureRequest) -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 320, "height": 640, "deviceScaleFactor": 1, "mobile": True}
    )
    driver.get(request.getfixturevalue(kind))
    log_in(driver, "W" * 60)
    assert driver.execute_script("return document.documentElement.scrollWidth") == 320
