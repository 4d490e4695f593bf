"""What is said about weights."""

from tessella.models.origin import WeightsOrigin


def test_an_origin_is_said_in_one_line():
    origin = WeightsOrigin("coco_voc", "COCO's images", "https://a.b/c.pth", "not stated")
    assert origin.text() == (
        "weights coco_voc: learnt from COCO's images; source https://a.b/c.pth; licence not stated"
    )
